import type {Noise} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Inverted dropout: every number is set to 0 by chance, and the others are scaled so that the expectation stays.
 *
 *   y[i] = h[i] * [u[i] >= rate] / (1 - rate),   u[i] ~ U[0, 1)
 *
 * @param rate chance of a number to be set to 0, in [0, 1); 0 gives h itself and declares no noise.
 * @param name names the noise: passes that are to drop the same numbers use the same name and shape.
 *
 * Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html. Deviations: scaled while training, as PyTorch
 * does, not at test time.
 */
export function dropout(h: tf.Tensor, rate: number, noise: Noise, name: string): tf.Tensor {
  if (rate === 0) return h;
  const kept = tf.cast(tf.greaterEqual(noise.uniform(name, h.shape), rate), 'float32');
  return tf.mul(h, tf.div(kept, 1 - rate));
}
