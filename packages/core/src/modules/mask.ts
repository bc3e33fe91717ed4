import {hardened} from '@accrete/engine';
import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {type Initializer, initializers} from '../parameters/initializers.ts';
import {baseParameters, composed, kernelOf, needsKernel} from './base.ts';
import type {Computation, ModuleTensors} from './module.ts';

/**
 * A learned binary mask on the kernel of the base: W' = W * m(s), with a real score s per weight.
 *
 *   threshold: m = 1 where s > threshold              (Piggyback; SupSup with threshold 0)
 *   top-k:     m = 1 for the share of largest |s|     (edge-popup), exactly round(share size) of them, ties by position
 *
 * The gradient passes straight through to s, or to |s|: dL/ds = dL/dm, times sign(s) for top-k. Biases are left as they are.
 *
 * @param options.select how scores become a mask.
 * @param options.threshold scores above it keep their weight.
 * @param options.share of the weights that top-k keeps.
 * @param options.signed whether every weight is replaced by sign(W) gain / sqrt(fan-in), with gain sqrt(2): frozen random
 *   networks find better subnetworks with weights of one size.
 * @param options.initializer how scores start; null takes 0.01 for `threshold` (every weight is kept, a new module changes
 *   nothing, exactly) and PyTorch's linear default for `top-k`.
 *
 * Source: Mallya et al. 2018 (Piggyback), eq. 1 to 4; Ramanujan et al. 2020 (edge-popup), https://arxiv.org/abs/1911.13299, eq. 2
 * and 3; signed constants: its section 4.2, and Wortsman et al. 2020. Deviations: none known.
 */
export const mask = define({
  kind: 'mask',
  summary: 'A binary mask on the kernel, from learned scores: by threshold (Piggyback) or the top k (edge-popup).',
  source: {
    cite: 'Mallya et al. 2018, eq. 1 to 4; Ramanujan et al. 2020, eq. 2 and 3',
    url: 'https://arxiv.org/abs/1911.13299',
  },
  options: {
    select: z.enum(['threshold', 'top-k']).default('threshold').describe('how scores become a mask'),
    threshold: z.number().default(5e-3).describe('scores above it keep their weight'),
    share: z.number().gt(0).max(1).default(0.5).describe('of the weights that top-k keeps'),
    signed: z.boolean().default(false).describe('replaces weights by their sign times sqrt(2 / fan-in)'),
    initializer: initializers.schema.nullable().default(null).describe('how scores start; null: by `select`'),
  },
  create: ({select, threshold, share, signed, initializer}): Computation => {
    const start = initializer === null ? usual[select] : initializers.parse(initializer);
    const chosen = (scores: tf.Tensor): tf.Tensor =>
      select === 'threshold'
        ? hardened(scores, (s) => tf.cast(tf.greater(s, threshold), 'float32'))
        : hardened(tf.abs(scores), (size) => largest(size, share));
    const compose = (theta: ModuleTensors, {scores}: ModuleTensors): ModuleTensors => {
      const kernel = kernelOf(theta, 'mask');
      const fanIn = kernel.size / kernel.shape.at(-1)!;
      const weights = signed ? tf.mul(tf.sign(kernel), Math.sqrt(2 / fanIn)) : kernel;
      return {kernel: tf.mul(weights, chosen(scores!))};
    };
    return {
      composition: 'parameter',
      form: 'output',
      identityAtStart: select === 'threshold' && initializer === null && threshold < 0.01 && !signed,
      refusal: needsKernel('mask'),
      width: (site) => site.units,
      parameters: (site) => ({scores: {...baseParameters(site)['kernel']!, initializer: start}}),
      run: composed(compose),
      compose,
    };
  },
});

const usual: Readonly<Record<'threshold' | 'top-k', Initializer>> = {
  threshold: initializers.create({kind: 'constant', value: 0.01}),
  'top-k': initializers.create({kind: 'torch-linear'}),
};

/** 1 for the share of largest numbers, 0 for the others. */
function largest(numbers: tf.Tensor, share: number): tf.Tensor {
  const flat = tf.reshape(numbers, [-1]);
  const count = Math.max(1, Math.round(share * flat.size));
  const {indices} = tf.topk(flat, count);
  const chosen = tf.unsortedSegmentSum(tf.ones([count]), indices as tf.Tensor1D, flat.size);
  return tf.reshape(chosen, numbers.shape);
}
