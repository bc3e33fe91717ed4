import * as tf from '@tensorflow/tfjs-core';
import {ofTask} from './membership.ts';
import type {RouteCall, Router} from './router.ts';

// Uniform noise lies on a grid of 2^-24: within these bounds neither u nor 1 - u rounds to 0.
const [LEAST, MOST] = [1e-7, 1 - 2e-7];

/** Standard Gumbel noise -ln(-ln u), [...shape]; null in evaluation. */
export function gumbel(call: RouteCall, shape: readonly number[]): tf.Tensor | null {
  const {noise} = call.context;
  if (noise === null) return null;
  const u = tf.clipByValue(noise.uniform(`${call.name}/gumbel`, shape), LEAST, MOST);
  return tf.neg(tf.log(tf.neg(tf.log(u))));
}

/** Standard logistic noise ln u - ln(1 - u), [...shape]; null in evaluation. */
export function logistic(call: RouteCall, shape: readonly number[]): tf.Tensor | null {
  const {noise} = call.context;
  if (noise === null) return null;
  const u = tf.clipByValue(noise.uniform(`${call.name}/logistic`, shape), LEAST, MOST);
  return tf.sub(tf.log(u), tf.log(tf.sub(1, u)));
}

/**
 * Logits with noise added: one draw per row (and position), or where scores are by task, one per task, so that all rows of a
 * task go the same way. The logits themselves in evaluation.
 */
export function perturbed(
  logits: tf.Tensor,
  call: RouteCall,
  level: Router['level'],
  draw: typeof gumbel | typeof logistic,
): tf.Tensor {
  const ofOne = call.context.tasks === null ? logits.shape : logits.shape.slice(1);
  const drawn = draw(call, level === 'task' ? [call.membership.length, ...ofOne] : logits.shape);
  if (drawn === null) return logits;
  return tf.add(logits, level === 'task' ? ofTask(drawn, call.context.tasks) : drawn);
}
