import * as tf from '@tensorflow/tfjs-core';
import {without} from '../training/row-weights.ts';
import {drawnSlots, filledSlots, rowsAt} from './buffer.ts';
import {type RehearsalOptions, rehearsing} from './rehearsing.ts';
import type {Span, StepPart, Strategy} from './strategy.ts';

type Options = Omit<RehearsalOptions, 'policy'> & {readonly batches: number};

/** Experience replay; behind the rows that are trained on come batches from memory that are compared with alone, none of them twice. */
export function rehearsingBeside({batches, ...options}: Options): ReturnType<typeof rehearsing> & Strategy {
  const {capacity, batchSize} = options;
  const replay = rehearsing({...options, policy: 'reservoir'});
  return {
    ...replay,
    rehearsalRows: replay.rehearsalRows * (1 + batches),
    rehearse: (context) => {
      if (capacity === 0) return {rows: []};
      const {state, seeds} = context;
      const filled = filledSlots(state);
      const whole = Math.min(batches, Math.floor(filled / batchSize));
      const compared = drawnSlots(filled, whole * batchSize, seeds.fork('compared'));
      return {rows: [...replay.rehearse(context).rows, ...rowsAt(state, compared)]};
    },
  };
}

/**
 * The largest cosine of gradients of the task loss with respect to all that moves and the mean gradients of batches from memory: of
 * each of the batch's own rows (`similarity`), and of their mean (`ofBatch`); -1 where memory has no whole batch.
 */
export function comparedWithBatches(own: Span, rehearsed: Span, {batchSize, batches}: Options): StepPart {
  const compared: Span = {from: rehearsed.from + batchSize, rows: batchSize * batches};
  return {
    key: {gss: [batchSize, batches]},
    inputs: {},
    weigh: (weights) => without(weights, compared),
    reads: ({gradientsOf, weights}) => {
      const unit = (span: Span): tf.Tensor => {
        const whole = tf.concat(Object.values(gradientsOf(span)).map((gradient) => tf.reshape(gradient, [-1])));
        return tf.reshape(tf.div(whole, tf.sqrt(tf.maximum(tf.sum(tf.square(whole)), 1e-20))), [1, -1]);
      };
      const spans = Array.from({length: batches}, (_, i) => ({from: compared.from + i * batchSize, rows: batchSize}));
      const memory = tf.concat(spans.map(unit)); // [batches, weights]
      const there = tf.reshape(
        tf.max(tf.reshape(tf.slice(weights, [compared.from], [compared.rows]), [batches, -1]), 1),
        [1, -1],
      );
      const nearest = (gradients: tf.Tensor): tf.Tensor => {
        const cosines = tf.matMul(gradients, memory, false, true);
        // Of a batch that is not there the mean is 0 / 0.
        return tf.max(tf.where(tf.greater(tf.tile(there, [gradients.shape[0]!, 1]), 0), cosines, -1), 1);
      };
      const rows = Array.from({length: own.rows}, (_, i) => ({from: own.from + i, rows: 1}));
      return {similarity: nearest(tf.concat(rows.map(unit))), ofBatch: nearest(unit(own))};
    },
  };
}
