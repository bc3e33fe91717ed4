import {define, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {baseParameters, kernelOf} from './base.ts';
import {linear} from './linear.ts';
import type {Base, Computation} from './module.ts';
import {needsBase} from './places.ts';

/**
 * Low-rank adaptation: output = (scale / rank) h A B, added to a linear base it equals the base with kernel W + (scale / rank) A B.
 *
 * Beside a convolution h stands for the windows of the map, and W for the kernel as a matrix [size * size * inputs, units].
 *
 * A [inputs, rank] starts as PyTorch's linear default, B [rank, units] as 0: a new module changes nothing, exactly. Where A stays as
 * it was drawn it is a buffer, and B learns alone: the output moves in a random subspace of rank r.
 *
 * @param options.rank r in the paper.
 * @param options.scale alpha in the paper; null takes the rank, so that the factor is 1.
 * @param options.down whether A learns; `fixed` is LoRA-FA, Zhang et al. 2023, https://arxiv.org/abs/2308.03303.
 *
 * Source: Hu et al. 2022, https://arxiv.org/abs/2106.09685, eq. 3. Deviations: no dropout before A.
 */
export const lowRank = define({
  kind: 'low-rank',
  summary: 'LoRA: a product of two thin matrices added to the base.',
  source: {cite: 'Hu et al. 2022, eq. 3', url: 'https://arxiv.org/abs/2106.09685', deviations: ['no dropout before A']},
  options: {
    rank: z.int().min(1).default(8).describe('inner width r'),
    scale: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('alpha; the output is multiplied by scale / rank; null: factor 1'),
    down: z.enum(['learned', 'fixed']).default('learned').describe('whether A learns, or stays as it was drawn'),
  },
  create: ({rank, scale, down: taught}): Computation => {
    const factor = scale === null ? 1 : scale / rank;
    const down = initializers.create({kind: 'torch-linear'});
    const up = initializers.create({kind: 'zeros'});
    return {
      composition: 'parameter',
      form: 'delta',
      identityAtStart: true,
      perExample: true,
      headAxes: {down: 0, up: 1},
      refusal: needsBase('low-rank', ['dense', 'conv2d']),
      width: (site) => site.units,
      parameters: (site) => {
        const {inputs, units} = site;
        const seen = sizeOf(baseParameters(site)['kernel']?.shape.slice(0, -1) ?? [inputs]);
        return {
          down: {
            shape: [seen, rank],
            fanIn: seen,
            fanOut: rank,
            initializer: down,
            ...(taught === 'fixed' && {buffer: true}),
          },
          up: {shape: [rank, units], fanIn: rank, fanOut: units, initializer: up},
        };
      },
      run: ({h, base, parameters}) => {
        const product = linear(narrowed(h, parameters['down']!, base), parameters['up']!); // [batch, ..., units]
        return factor === 1 ? product : tf.mul(product, factor);
      },
      ...(taught === 'fixed' ? {next: ({parameters: {down: drawn}}) => ({down: drawn!})} : {}),
      compose: (theta, {down: thin, up: wide}) => {
        const kernel = kernelOf(theta, 'low-rank');
        const product = tf.mul(tf.matMul(thin!, wide!), factor);
        return {kernel: tf.add(kernel, tf.reshape(product, kernel.shape))};
      },
    };
  },
});

/** h A over the features of every position, or over every window where the base is a convolution: [batch, ..., rank]. */
function narrowed(h: tf.Tensor, down: tf.Tensor, base: Base | null): tf.Tensor {
  const kernel = base?.parameters['kernel'];
  if (base === null || kernel === undefined || kernel.rank === 2) return linear(h, down);
  const window = kernel.shape.slice(0, -1);
  const [seen, rank] = down.shape.slice(-2) as [number, number];
  if (down.rank === 2) return base.run(h, {kernel: tf.reshape(down, [...window, rank])});
  // A convolution has one kernel for all examples, so each example's own acts on the windows, laid out along the features.
  return linear(base.run(h, {kernel: tf.reshape(tf.eye(seen), [...window, seen])}), down);
}
