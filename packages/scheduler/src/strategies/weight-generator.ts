import type {Network} from '@accrete/core';
import {type HostArray, hostArray, type SeedStream, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';

/** How a generator of weights is made. */
export interface GeneratorShape {
  /** Length of a task's embedding. */
  readonly embedding: number;
  /** Length of a piece's embedding. */
  readonly pieceEmbedding: number;
  /** Weights that are made at a time. */
  readonly chunk: number;
  /** Widths of its hidden layers. */
  readonly hidden: readonly number[];
}

/** Arrays of a generator by name: `<layer>/kernel`, `<layer>/bias`, and `pieces` [pieces, pieceEmbedding]. */
export type GeneratorArrays<T> = Readonly<Record<string, T>>;

/** The weights that are generated: those of the sites' bases, and how large each starts. */
export interface GeneratedWeights {
  readonly parts: readonly {readonly path: string; readonly shape: readonly number[]; readonly scale: number}[];
  /** Of all of them. */
  readonly size: number;
}

/** What is generated for a network: every parameter of its bases, in units of the layer's root mean square at the start. */
export function generatedWeights({topology, parameters}: Network): GeneratedWeights {
  const parts = topology.sites.flatMap(({base}) => {
    // Sorted: a network that was read back names its parameters in another order.
    const own = Object.entries(parameters)
      .filter(([path]) => path.startsWith(`${base.id}/`))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const values = own.flatMap(([, {data}]) => [...data]);
    const scale = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    return own.map(([path, {shape}]) => ({path, shape, scale}));
  });
  return {parts, size: parts.reduce((sum, {shape}) => sum + sizeOf(shape), 0)};
}

/** A fresh generator: kernels N(0, 2 / inputs) behind a relu and N(0, 1 / inputs) at first, pieces N(0, 1), biases 0. */
export function freshGenerator(
  {embedding, pieceEmbedding, chunk, hidden}: GeneratorShape,
  size: number,
  seeds: SeedStream,
): GeneratorArrays<HostArray<'float32'>> {
  const drawn = (name: string, shape: readonly number[], deviation: number): HostArray<'float32'> => {
    const own = seeds.fork(name);
    return hostArray(
      Float32Array.from({length: sizeOf(shape)}, () => deviation * own.normal()),
      shape,
      'float32',
    );
  };
  const widths = [embedding + pieceEmbedding, ...hidden, chunk];
  const layers = widths.slice(1).flatMap((units, k) => {
    const inputs = widths[k]!;
    return [
      [`${k}/kernel`, drawn(`${k}/kernel`, [inputs, units], Math.sqrt((k === 0 ? 1 : 2) / inputs))] as const,
      [`${k}/bias`, hostArray(new Float32Array(units), [units], 'float32')] as const,
    ];
  });
  const pieces = drawn('pieces', [Math.ceil(size / chunk), pieceEmbedding], 1);
  return {...Object.fromEntries(layers), pieces};
}

/** An embedding N(0, 1). */
export function freshEmbedding(length: number, seeds: SeedStream): HostArray<'float32'> {
  return hostArray(
    Float32Array.from({length}, () => seeds.normal()),
    [length],
    'float32',
  );
}

/**
 * The weights that a generator makes of embeddings, one line each: [tasks, size].
 *
 *   w = scale * [h(e; c_1), ..., h(e; c_C)],   h(x) = W_n relu(... relu(W_0 [e; c_k] + b_0) ...) + b_n
 *
 * @param embeddings [tasks, embedding].
 */
export function generate(
  generator: GeneratorArrays<tf.Tensor>,
  embeddings: tf.Tensor,
  {parts, size}: GeneratedWeights,
): tf.Tensor2D {
  const pieces = generator['pieces']!;
  const [tasks, count] = [embeddings.shape[0]!, pieces.shape[0]!];
  const repeated = tf.reshape(tf.tile(tf.expandDims(embeddings, 1), [1, count, 1]), [tasks * count, -1]);
  let x: tf.Tensor = tf.concat([repeated, tf.tile(pieces, [tasks, 1])], 1);
  const layers = layersOf(generator);
  layers.forEach(([kernel, bias], k) => {
    x = tf.add(tf.matMul(x, kernel), bias);
    if (k < layers.length - 1) x = tf.relu(x);
  });
  const flat = tf.slice(tf.reshape(x, [tasks, -1]), [0, 0], [-1, size]);
  const scales = parts.map(({shape, scale}) => tf.fill([sizeOf(shape)], scale));
  return tf.mul(flat, tf.concat(scales));
}

/** One line of weights, by their paths. */
export function asParameters(line: tf.Tensor, {parts}: GeneratedWeights): Readonly<Record<string, tf.Tensor>> {
  let at = 0;
  return Object.fromEntries(
    parts.map(({path, shape}) => {
      const own = tf.reshape(tf.slice(tf.reshape(line, [-1]), [at], [sizeOf(shape)]), [...shape]);
      at += sizeOf(shape);
      return [path, own];
    }),
  );
}

/** The same on the host, of one embedding: by the weights' paths. */
export function generateOnHost(
  generator: GeneratorArrays<HostArray>,
  embedding: HostArray,
  {parts, size}: GeneratedWeights,
): Readonly<Record<string, HostArray<'float32'>>> {
  const layers = layersOf(generator);
  const {data: pieces, shape} = generator['pieces']!;
  const [count, width] = shape as [number, number];
  const line = new Float32Array(size);
  for (let piece = 0; piece < count; piece++) {
    let x = Float32Array.of(...embedding.data, ...pieces.subarray(piece * width, (piece + 1) * width));
    layers.forEach(([kernel, bias], k) => {
      const next = Float32Array.from(bias.data);
      x.forEach((value, i) => {
        if (value === 0) return;
        for (let j = 0; j < next.length; j++) next[j]! += value * kernel.data[i * next.length + j]!;
      });
      x = k < layers.length - 1 ? next.map((value) => Math.max(0, value)) : next;
    });
    line.set(x.subarray(0, Math.min(x.length, size - piece * x.length)), piece * x.length);
  }
  let at = 0;
  return Object.fromEntries(
    parts.map(({path, shape: own, scale}) => {
      const values = line.slice(at, at + sizeOf(own)).map((value) => scale * value);
      at += sizeOf(own);
      return [path, hostArray(values, own, 'float32')];
    }),
  );
}

/** Kernel and bias of each layer, from the first to the last. */
function layersOf<T>(generator: GeneratorArrays<T>): readonly (readonly [T, T])[] {
  const count = Object.keys(generator).filter((name) => name.endsWith('/kernel')).length;
  return Array.from({length: count}, (_, k) => [generator[`${k}/kernel`]!, generator[`${k}/bias`]!]);
}
