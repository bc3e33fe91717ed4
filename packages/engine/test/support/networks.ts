import {type ArraySpec, type HostArray, hostArray, seedStream, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Buffers, Engine, PureFunction} from '../../src/index.ts';

type Parameters = Readonly<Record<string, tf.Tensor>>;

/** A small network: the shapes of its parameters and of one batch of inputs, and what it computes. */
export interface Network {
  readonly x: ArraySpec;
  readonly classes: number;
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  logits(x: tf.Tensor, parameters: Parameters): tf.Tensor;
}

/** Convolutions with batch norm, a residual connection, both kinds of pooling, and a dense head. */
export const convolutional: Network = {
  x: {shape: [6, 8, 8, 2], dtype: 'float32'},
  classes: 3,
  parameters: {
    'a/w': [3, 3, 2, 4],
    'a/scale': [4],
    'a/offset': [4],
    'b/w': [3, 3, 4, 4],
    'b/b': [4],
    'depth/w': [3, 3, 4, 1],
    'head/w': [16, 3],
    'head/b': [3],
  },
  logits(x, p) {
    const y = tf.conv2d(x as tf.Tensor4D, p['a/w'] as tf.Tensor4D, 1, 'same');
    const {mean, variance} = tf.moments(y, [0, 1, 2]);
    const [scale, offset] = [p['a/scale'] as tf.Tensor1D, p['a/offset'] as tf.Tensor1D];
    const normed = tf.batchNorm(y, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale, 1e-2);
    let h = tf.maxPool(tf.elu(normed) as tf.Tensor4D, 2, 2, 'same');
    h = tf.add(h, tf.tanh(tf.add(tf.conv2d(h, p['b/w'] as tf.Tensor4D, 1, 'same'), p['b/b']!)));
    h = tf.avgPool(tf.depthwiseConv2d(h, p['depth/w'] as tf.Tensor4D, 1, 'same'), 2, 2, 'valid');
    return tf.add(tf.matMul(tf.reshape(h, [6, 16]), p['head/w']!), p['head/b']!);
  },
};

/** Embedded tokens, one pre-norm block of attention and gelu, the mean over tokens. */
export const transformer: Network = {
  x: {shape: [4, 5], dtype: 'int32'},
  classes: 3,
  parameters: {
    embedding: [11, 8],
    'norm/scale': [8],
    'norm/offset': [8],
    'query/w': [8, 8],
    'key/w': [8, 8],
    'value/w': [8, 8],
    'out/w': [8, 8],
    'up/w': [8, 16],
    'up/b': [16],
    'down/w': [16, 8],
    'head/w': [8, 3],
  },
  logits(x, p) {
    const norm = (h: tf.Tensor): tf.Tensor => {
      const {mean, variance} = tf.moments(h, -1, true);
      const unit = tf.mul(tf.sub(h, mean), tf.rsqrt(tf.add(variance, 1e-3)));
      return tf.add(tf.mul(unit, p['norm/scale']!), p['norm/offset']!);
    };
    const gelu = (h: tf.Tensor): tf.Tensor => tf.mul(tf.mul(h, 0.5), tf.add(tf.erf(tf.mul(h, Math.SQRT1_2)), 1));
    const heads = (h: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(h, [4, 5, 2, 4]), [0, 2, 1, 3]);
    let h = tf.reshape(tf.gather(p['embedding']!, x as tf.Tensor2D), [20, 8]);
    const normed = norm(h);
    const [q, k, v] = ['query', 'key', 'value'].map((name) => heads(tf.matMul(normed, p[`${name}/w`]!)));
    const weights = tf.softmax(tf.mul(tf.matMul(q!, k!, false, true), 0.5));
    const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v!), [0, 2, 1, 3]), [20, 8]);
    h = tf.add(h, tf.matMul(mixed, p['out/w']!));
    h = tf.add(h, tf.matMul(gelu(tf.add(tf.matMul(norm(h), p['up/w']!), p['up/b']!)), p['down/w']!));
    return tf.matMul(tf.mean(tf.reshape(h, [4, 5, 8]), 1) as tf.Tensor2D, p['head/w']!);
  },
};

/** One step on labels `y`: gradient descent, or Adam with moments `m/...` and `v/...` and their count `t`. */
export function networkStep(network: Network, optimiser: 'sgd' | 'adam'): PureFunction {
  const names = Object.keys(network.parameters);
  return ({x, y, ...state}) => {
    const loss = (...values: tf.Tensor[]): tf.Scalar => {
      const logits = network.logits(x!, Object.fromEntries(names.map((name, i) => [name, values[i]!])));
      return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.cast(y!, 'int32'), network.classes), logits);
    };
    const {value, grads} = tf.valueAndGrads(loss)(names.map((name) => state[name]!));
    const next: Record<string, tf.Tensor> = {loss: value};
    if (optimiser === 'adam') next['t'] = tf.add(state['t']!, 1);
    for (const [i, name] of names.entries()) {
      const g = grads[i]!;
      if (optimiser === 'sgd') {
        next[name] = tf.sub(state[name]!, tf.mul(g, 0.1));
        continue;
      }
      const m = tf.add(tf.mul(state[`m/${name}`]!, 0.9), tf.mul(g, 0.1));
      const v = tf.add(tf.mul(state[`v/${name}`]!, 0.99), tf.mul(tf.square(g), 0.01));
      const corrected = (moment: tf.Tensor, rate: number): tf.Tensor =>
        tf.div(moment, tf.sub(1, tf.pow(tf.scalar(rate), next['t']!)));
      const change = tf.div(corrected(m, 0.9), tf.add(tf.sqrt(corrected(v, 0.99)), 1e-4));
      Object.assign(next, {[name]: tf.sub(state[name]!, tf.mul(change, 0.01)), [`m/${name}`]: m, [`v/${name}`]: v});
    }
    return next;
  };
}

/** Trains on one batch of noise, and returns the loss of every step. Releases everything. */
export async function losses(
  engine: Engine,
  network: Network,
  optimiser: 'sgd' | 'adam',
  steps: number,
): Promise<number[]> {
  const random = seedStream(5);
  const floats = (shape: readonly number[], scale: number): HostArray =>
    hostArray(
      Float32Array.from({length: sizeOf(shape)}, () => random.normal() * scale),
      shape,
      'float32',
    );
  const initial: Record<string, HostArray> = {};
  for (const [name, shape] of Object.entries(network.parameters)) {
    const fan = sizeOf(shape) / shape.at(-1)!;
    initial[name] = floats(shape, shape.length > 1 ? 1 / Math.sqrt(fan) : 0);
    if (name.endsWith('scale')) (initial[name].data as Float32Array).fill(1);
    if (optimiser === 'adam')
      Object.assign(initial, {[`m/${name}`]: floats(shape, 0), [`v/${name}`]: floats(shape, 0)});
  }
  if (optimiser === 'adam') initial['t'] = floats([], 0);
  const {shape, dtype} = network.x;
  const x =
    dtype === 'float32'
      ? floats(shape, 1)
      : hostArray(
          Int32Array.from({length: sizeOf(shape)}, () => random.integer(11)),
          shape,
          'int32',
        );
  const y = hostArray(
    Int32Array.from({length: shape[0]!}, () => random.integer(network.classes)),
    [shape[0]!],
    'int32',
  );
  const specs = Object.fromEntries(
    Object.entries({x, y, ...initial}).map(([name, array]) => [name, {shape: array.shape, dtype: array.dtype}]),
  );
  const donate = Object.fromEntries(Object.keys(initial).map((name) => [name, name]));
  const program = await engine.compile(networkStep(network, optimiser), specs, {name: 'network', donate});
  const batch = {x: engine.upload(x), y: engine.upload(y)};
  let state: Buffers = Object.fromEntries(Object.entries(initial).map(([name, array]) => [name, engine.upload(array)]));
  const found: number[] = [];
  for (let step = 0; step < steps; step++) {
    const {loss, ...next} = await program.run({...batch, ...state});
    found.push((await loss!.read()).data[0]!);
    loss!.dispose();
    state = next;
  }
  for (const held of [...Object.values(batch), ...Object.values(state), program]) held.dispose();
  return found;
}
