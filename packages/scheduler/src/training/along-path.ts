import {type Forward, forward, type Network, type Path} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import {type ArraySpec, canonicalJson, type HostArray, hostArray, type Json} from '@accrete/kit';
import type * as tf from '@tensorflow/tfjs-core';
import {fillImages, type Part, type Row, type Stream} from '../streams/stream.ts';
import {names, parametersOf} from './step-inputs.ts';

/** Images per call of the program. */
const BATCH = 256;

/** Whose images run along which path. */
export interface AlongPathRequest {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly network: Network;
  readonly path: Path;
  /** Where the rows come from; the training examples where absent. */
  readonly part?: Part;
}

/** What is read off a forward pass. */
export interface Reading {
  /** Names the program. */
  readonly name: string;
  /** All that `read` depends on. */
  readonly key: Json;
  /** What `read` needs beside the pass. */
  readonly arrays?: Readonly<Record<string, HostArray>>;
  /**
   * Tensors, batch first, one line per image that depends on no other image.
   *
   * @param parameters by their local names. @param arrays by their names.
   */
  read(
    pass: Forward,
    parameters: Readonly<Record<string, tf.Tensor>>,
    arrays: Readonly<Record<string, tf.Tensor>>,
  ): Readonly<Record<string, tf.Tensor>>;
}

/** One line per row. */
export interface Lines {
  /** Numbers of a line. */
  readonly width: number;
  /** [rows, width] */
  readonly data: Float32Array;
}

/** Runs images along a path in evaluation and reads something off every pass. @returns by the names that `read` gave. */
export async function alongPath(
  {engine, stream, network, path, part = 'train'}: AlongPathRequest,
  rows: readonly Row[],
  {name, key, arrays = {}, read}: Reading,
): Promise<Readonly<Record<string, Lines>>> {
  const inputs: Record<string, ArraySpec> = {[names.images]: {shape: [BATCH, stream.features], dtype: 'uint8'}};
  for (const [local, at] of Object.entries(path.bind)) {
    inputs[names.parameter(local)] = {shape: network.parameters[at]!.shape, dtype: 'float32'};
  }
  for (const [own, {shape, dtype}] of Object.entries(arrays)) inputs[`array/${own}`] = {shape, dtype};
  const program = await engine.compile(
    (given) => {
      const parameters = parametersOf(given, Object.keys(given));
      const pass = forward(path.spec, parameters, given[names.images] as tf.Tensor2D);
      return read(
        pass,
        parameters,
        Object.fromEntries(Object.keys(arrays).map((own) => [own, given[`array/${own}`]!])),
      );
    },
    inputs,
    {name, key: canonicalJson({[name]: key, path: path.spec})},
  );
  const fixed = Object.fromEntries(
    [
      ...Object.entries(path.bind).map(([local, at]) => [names.parameter(local), network.parameters[at]!] as const),
      ...Object.entries(arrays).map(([own, array]) => [`array/${own}`, array] as const),
    ].map(([input, array]) => [input, engine.upload(array)]),
  );
  const found: Record<string, Lines> = {};
  try {
    for (let at = 0; at < rows.length; at += BATCH) {
      const chunk = rows.slice(at, at + BATCH);
      const images = new Uint8Array(BATCH * stream.features);
      fillImages(stream, part, chunk, images);
      const x = engine.upload(hostArray(images, [BATCH, stream.features], 'uint8'));
      try {
        for (const [line, buffer] of Object.entries(await program.run({...fixed, [names.images]: x}))) {
          const {data} = await buffer.read();
          buffer.dispose();
          const width = data.length / BATCH;
          found[line] ??= {width, data: new Float32Array(rows.length * width)};
          found[line].data.set(data.subarray(0, chunk.length * width) as Float32Array, at * width);
        }
      } finally {
        x.dispose();
      }
    }
  } finally {
    for (const buffer of Object.values(fixed)) buffer.dispose();
    program.dispose();
  }
  return found;
}
