import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {inPlaceOf, needsSame} from './in-place-of.ts';
import type {Computation} from './module.ts';
import {asSequence, sequenceOptions, sequenceParameters} from './positions.ts';

/**
 * Embedding of image patches: each patch of size x size pixels, times one kernel, is a token, row by row; positions are added,
 * and a class token stands in front where asked for.
 *
 * h [batch, height, width, inputs] -> [batch, tokens (+ 1), units], tokens = height / size * width / size.
 *
 * @param options.tokens patches of one image.
 *
 * Source: Dosovitskiy et al. 2021, eq. 1, https://arxiv.org/abs/2010.11929. Deviations: none.
 */
export const patches = define({
  kind: 'patches',
  summary: 'Cuts images into square patches and makes each one a token.',
  source: {cite: 'Dosovitskiy et al. 2021, eq. 1', url: 'https://arxiv.org/abs/2010.11929'},
  options: {
    size: z.int().min(1).default(4).describe('height and width of a patch, in pixels; must divide those of the image'),
    tokens: z.int().min(1).describe('patches of one image'),
    ...sequenceOptions,
    initializer: initializers.schema.prefault({kind: 'torch-linear'}).describe('how the kernel starts'),
  },
  create: ({size, tokens, initializer, ...sequence}): Computation => {
    const start = initializers.parse(initializer);
    const placed = inPlaceOf('patches', ['patches']);
    const same = needsSame('patches', {size, tokens, classToken: sequence.classToken});
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: false,
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? same(site),
      parameters: ({inputs, units}) => {
        const fans = {fanIn: size * size * inputs, fanOut: units, initializer: start};
        return {
          kernel: {shape: [size, size, inputs, units], ...fans},
          bias: {shape: [units], ...fans},
          ...sequenceParameters(sequence, tokens, units),
        };
      },
      run: ({h, parameters}) => {
        const {kernel, bias} = parameters;
        const grid = tf.conv2d(h as tf.Tensor4D, kernel as tf.Tensor4D, size, 'valid');
        const flat = tf.reshape(grid, [h.shape[0]!, tokens, kernel!.shape[3]!]);
        return asSequence(sequence, tf.add(flat, bias!), parameters);
      },
    };
  },
});
