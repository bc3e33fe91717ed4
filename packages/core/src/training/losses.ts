import {stopGradient} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import type {Forward} from '../network/forward.ts';
import {oneHot} from './one-hot.ts';

/** -log softmax(logits)[column] of each row [nats]: [rows, classes] and int32 [rows] -> [rows]. */
export function negativeLogLikelihood(logits: tf.Tensor2D, columns: tf.Tensor): tf.Tensor1D {
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot(columns, logits.shape[1])), 1));
}

/** sum_r w_r l_r / sum_r w_r; of rows none of which is there, 0. */
export function weightedMean(losses: tf.Tensor, weights: tf.Tensor): tf.Scalar {
  return tf.div(tf.sum(tf.mul(losses, weights)), tf.maximum(tf.sum(weights), 1e-20));
}

/**
 * Losses of routers and aggregators, added up; undefined where there are none. Choices that are learned by the score function
 * add mean_r (l_r - mean l) ln pi_r with the first factor a constant: its gradient is that of the expected loss, and the mean over
 * the batch is the baseline (Williams 1992, REINFORCE).
 *
 * @param losses l_r, of each row [nats], [rows].
 * @param weights 1 for a row that is there, 0 for one that is not, [rows].
 */
export function auxiliaryLoss(
  {auxiliary, logProbability}: Pick<Forward, 'auxiliary' | 'logProbability'>,
  losses: tf.Tensor,
  weights: tf.Tensor,
): tf.Scalar | undefined {
  const all = Object.values(auxiliary);
  if (logProbability) {
    const cost = stopGradient(tf.sub(losses, weightedMean(losses, weights)));
    all.push(weightedMean(tf.mul(cost, logProbability), weights));
  }
  return all.length === 0 ? undefined : (tf.addN(all) as tf.Scalar);
}
