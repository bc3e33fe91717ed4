import * as tf from '@tensorflow/tfjs-core';

/** 1 at each index, 0 elsewhere, float32: int [rows] -> [rows, depth]. Unlike tfjs's own it takes a depth of 1. */
export function oneHot(indices: tf.Tensor, depth: number): tf.Tensor2D {
  const whole = tf.cast(indices, 'int32') as tf.Tensor1D;
  const places = depth === 1 ? tf.equal(tf.expandDims(whole, 1), 0) : tf.oneHot(whole, depth);
  return tf.cast(places, 'float32') as tf.Tensor2D;
}
