import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {inPlaceOf, needsSame} from './in-place-of.ts';
import type {Computation} from './module.ts';
import {asSequence, sequenceOptions, sequenceParameters} from './positions.ts';

/**
 * Embedding of tokens: y[b, i] = table[h[b, i]] + position[i], with a class token in front where asked for.
 *
 * h int32 ids [batch, length] -> [batch, length (+ 1), units]; `inputs` of its site is the length. Id 0 is padding: it has a row
 * like any other, and it is for what comes after to leave these positions out.
 *
 * @param options.vocabulary number of ids; ids reach from 0 to vocabulary - 1.
 *
 * Source: Vaswani et al. 2017, 3.4 and 3.5; learned positions and class token: Devlin et al. 2019,
 * https://arxiv.org/abs/1810.04805. Deviations: no normalisation or dropout after it, no segment embeddings.
 */
export const embedding = define({
  kind: 'embedding',
  summary: 'Looks tokens up in a table and adds what tells positions apart.',
  source: {
    cite: 'Vaswani et al. 2017, 3.4 and 3.5; learned positions and class token: Devlin et al. 2019',
    url: 'https://arxiv.org/abs/1810.04805',
    deviations: ['no normalisation or dropout after it, no segment embeddings'],
  },
  options: {
    vocabulary: z.int().min(1).describe('number of different tokens, padding included'),
    ...sequenceOptions,
    initializer: initializers.schema.prefault({kind: 'normal'}).describe('how the table starts'),
  },
  create: ({vocabulary, initializer, ...sequence}): Computation => {
    const start = initializers.parse(initializer);
    const placed = inPlaceOf('embedding', ['embedding']);
    const same = needsSame('embedding', {vocabulary, classToken: sequence.classToken});
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: false,
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? same(site),
      parameters: ({inputs, units}) => ({
        table: {shape: [vocabulary, units], fanIn: vocabulary, fanOut: units, initializer: start},
        ...sequenceParameters(sequence, inputs, units),
      }),
      run: ({h, parameters}) => asSequence(sequence, lookUp(parameters['table']!, h), parameters),
    };
  },
});

/** Rows of a table [rows, units] by ids [batch, length]; gradients flow to the table only: ids are whole numbers. */
function lookUp(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [rows, units] = table.shape as [number, number];
  const flat = (at: tf.Tensor): tf.Tensor1D => tf.cast(tf.reshape(at, [-1]), 'int32');
  const look = tf.customGrad((...args) => {
    const [from, at, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    save([at]);
    return {
      value: tf.reshape(tf.gather(from, flat(at)), [...at.shape, units]),
      gradFunc: (dy, saved) => {
        const spread = tf.reshape(dy as tf.Tensor, [-1, units]);
        return [tf.unsortedSegmentSum(spread, flat(saved[0]!), rows), tf.zeros(at.shape)];
      },
    };
  });
  return look(table, ids);
}
