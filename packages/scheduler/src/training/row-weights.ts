import * as tf from '@tensorflow/tfjs-core';
import type {Span} from '../strategies/strategy.ts';

/** Row weights with those of a span set to 0. */
export function without(weights: tf.Tensor, {from, rows}: Span): tf.Tensor {
  const others = Array.from({length: weights.shape[0]!}, (_, row) => (row >= from && row < from + rows ? 0 : 1));
  return tf.mul(weights, tf.tensor1d(others));
}
