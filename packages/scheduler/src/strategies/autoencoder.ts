import {type HostArray, hostArray, type SeedStream, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';

/** A variational autoencoder of images, by its arrays: kernels and biases of `inner`, `mean`, `spread`, `outer`, `pixels`. */
export type Autoencoder<T> = Readonly<Record<string, T>>;

/** A fresh variational autoencoder: every layer as PyTorch starts a linear one, U(-b, b) with b = 1 / sqrt(inputs). */
export function freshAutoencoder(
  {pixels, hidden, latent}: {readonly pixels: number; readonly hidden: number; readonly latent: number},
  seeds: SeedStream,
): Autoencoder<HostArray<'float32'>> {
  const layers = {
    inner: [pixels, hidden],
    mean: [hidden, latent],
    spread: [hidden, latent],
    outer: [latent, hidden],
    pixels: [hidden, pixels],
  } as const;
  const drawn = (name: string, shape: readonly number[], inputs: number) => {
    const own = seeds.fork(name);
    const values = Float32Array.from({length: sizeOf(shape)}, () => (2 * own.uniform() - 1) / Math.sqrt(inputs));
    return [name, hostArray(values, shape, 'float32')] as const;
  };
  return Object.fromEntries(
    Object.entries(layers).flatMap(([name, [inputs, units]]) => [
      drawn(`${name}/kernel`, [inputs, units], inputs),
      drawn(`${name}/bias`, [units], inputs),
    ]),
  );
}

/** Images in [0, 1] that an autoencoder makes of codes: [rows, latent] -> [rows, pixels]. */
export function decoded(autoencoder: Autoencoder<tf.Tensor>, codes: tf.Tensor): tf.Tensor {
  return tf.sigmoid(pixelLogits(autoencoder, codes));
}

/**
 * The negative evidence lower bound of each image [nats], [rows]:
 *
 *   sum over pixels of -(x ln y + (1 - x) ln(1 - y)) + 1/2 sum over the code of (mu^2 + s^2 - ln s^2 - 1)
 *
 * with y the image decoded from mu + s noise, (mu, ln s^2) the encoded one.
 *
 * @param images in [0, 1], [rows, pixels]. @param noise N(0, 1), [rows, latent].
 *
 * Source: Kingma and Welling 2014, https://arxiv.org/abs/1312.6114, eq. 10 and appendix C.
 */
export function evidenceLosses(autoencoder: Autoencoder<tf.Tensor>, images: tf.Tensor, noise: tf.Tensor): tf.Tensor1D {
  const inner = tf.relu(layer(autoencoder, 'inner', images));
  const mean = layer(autoencoder, 'mean', inner);
  const logVariance = layer(autoencoder, 'spread', inner);
  const logits = pixelLogits(autoencoder, tf.add(mean, tf.mul(tf.exp(tf.div(logVariance, 2)), noise)));
  // -(x ln s + (1 - x) ln(1 - s)) with s = sigmoid(z), in the form that does not overflow.
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  const mismatch = tf.sum(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, images)), rest), 1);
  const spread = tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), tf.add(logVariance, 1));
  return tf.add(mismatch, tf.div(tf.sum(spread, 1), 2));
}

function pixelLogits(autoencoder: Autoencoder<tf.Tensor>, codes: tf.Tensor): tf.Tensor {
  return layer(autoencoder, 'pixels', tf.relu(layer(autoencoder, 'outer', codes)));
}

function layer(autoencoder: Autoencoder<tf.Tensor>, name: string, x: tf.Tensor): tf.Tensor {
  return tf.add(tf.matMul(x, autoencoder[`${name}/kernel`]!), autoencoder[`${name}/bias`]!);
}
