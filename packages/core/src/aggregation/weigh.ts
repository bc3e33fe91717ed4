import {HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {SiteCall} from './aggregator.ts';

/** What a router gave: scores of modules, and of each head where it has heads. */
export type Scores = Pick<SiteCall, 'alpha' | 'heads'>;

/** alpha_j times a module's tensor [batch, ..., units], head by head where there are heads; the tensor itself where alpha is null. */
export function weigh(tensor: tf.Tensor, {alpha, heads}: Scores, j: number): tf.Tensor {
  if (alpha === null) return tensor;
  return tf.mul(tensor, heads === undefined ? scoreOf(alpha, j, tensor) : headScoreOf(heads, j, tensor));
}

/**
 * alpha_j, shaped to broadcast against a tensor [batch, ..., units]: from [modules] -> [], from [batch, modules] ->
 * [batch, 1, ...], from scores by position -> [batch, ..., 1].
 *
 * @throws HarnessError E_COMBINATION where scores are by position and the tensor's positions are others.
 */
export function scoreOf(alpha: tf.Tensor, j: number, {shape}: tf.Tensor): tf.Tensor {
  const leading = alpha.shape.slice(0, -1);
  if (leading.length > 1 && String(leading) !== String(shape.slice(0, -1))) {
    throw new HarnessError(
      'E_COMBINATION',
      `the router scored positions [${leading.join(', ')}], and modules put out positions [${shape.slice(0, -1).join(', ')}]. Route by task or example where positions change.`,
      {alpha: alpha.shape, output: shape},
    );
  }
  const one = tf.slice(alpha, [...leading.map(() => 0), j], [...leading, 1]);
  if (leading.length === 0) return tf.reshape(one, []);
  return tf.reshape(one, [...leading, ...Array.from({length: shape.length - leading.length}, () => 1)]);
}

/**
 * Module j's score of every feature, that of the head whose group the feature is in, shaped to broadcast against a tensor
 * [batch, ..., units]: from [heads, modules] -> [units], from [batch, heads, modules] -> [batch, 1, ..., units].
 */
function headScoreOf(heads: tf.Tensor, j: number, {shape}: tf.Tensor): tf.Tensor {
  const leading = heads.shape.slice(0, -1); // [heads] or [batch, heads]
  const [units, count] = [shape.at(-1)!, leading.at(-1)!];
  const one = tf.slice(heads, [...leading.map(() => 0), j], [...leading, 1]); // [..., heads, 1]
  const spread = tf.tile(one, [...leading.map(() => 1), units / count]); // [..., heads, units / heads]
  if (leading.length === 1) return tf.reshape(spread, [units]);
  return tf.reshape(spread, [leading[0]!, ...Array.from({length: shape.length - 2}, () => 1), units]);
}
