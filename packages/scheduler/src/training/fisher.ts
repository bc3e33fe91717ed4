import {forward, type Network, type Path} from '@accrete/core';
import type {Engine, PureFunction} from '@accrete/engine';
import {type ArraySpec, canonicalJson, type HostArray, hostArray, type SeedStream, zeros} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {fillImages, type Stream, type Task, targetOf} from '../streams/stream.ts';
import {negativeLogLikelihood, parametersOf} from './step.ts';

/** Examples per call of the program: their gradients are computed one by one, unrolled. */
const UNROLL = 8;

/** What the Fisher information is wanted of. */
export interface FisherRequest {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly task: Task;
  readonly network: Network;
  readonly path: Path;
  readonly labels: 'sampled-labels' | 'data-labels';
  readonly examples: number;
  readonly seeds: SeedStream;
}

/**
 * The diagonal of the Fisher information, averaged over examples:
 *
 *   F[i] = mean_n (d log p(y_n | x_n; theta) / d theta[i])^2
 *
 * with y_n drawn from the network's own prediction (`sampled-labels`) or from the data. Gradients are squared per example.
 *
 * @returns by parameter path, for every parameter on the path whose module is not frozen; shaped like the parameter.
 */
export async function diagonalFisher(request: FisherRequest): Promise<Record<string, HostArray<'float32'>>> {
  const {engine, stream, task, network, path, seeds} = request;
  const locals = Object.keys(path.bind).filter((local) => !path.owner[local]!.frozen);
  const inputs: Record<string, ArraySpec> = {
    images: {shape: [UNROLL, stream.features], dtype: 'uint8'},
    columns: {shape: [UNROLL], dtype: 'int32'},
    weights: {shape: [UNROLL], dtype: 'float32'},
  };
  const donate: Record<string, string> = {};
  for (const local of Object.keys(path.bind)) {
    inputs[`parameter/${local}`] = {shape: network.parameters[path.bind[local]!]!.shape, dtype: 'float32'};
  }
  for (const local of locals) {
    inputs[`fisher/${local}`] = inputs[`parameter/${local}`]!;
    donate[`fisher/${local}`] = `fisher/${local}`;
  }
  const program = await engine.compile(buildFisher(path, locals, request.labels), inputs, {
    name: 'fisher',
    key: canonicalJson({fisher: request.labels, path: path.spec, locals}),
    donate,
  });
  const parameters = Object.fromEntries(
    Object.entries(path.bind).map(([local, at]) => [`parameter/${local}`, engine.upload(network.parameters[at]!)]),
  );
  let sums = Object.fromEntries(
    locals.map((local) => [`fisher/${local}`, engine.upload(zeros(inputs[`fisher/${local}`]!.shape))]),
  );
  try {
    const total = task.examples.train.length;
    const chosen = seeds.fork('fisher').permutation(total).slice(0, request.examples);
    const columnOf = new Map(path.classes.map((label, column) => [label, column]));
    for (let at = 0; at < chosen.length; at += UNROLL) {
      const rows = [...chosen.slice(at, at + UNROLL)].map((example) => ({task: task.index, example}));
      const images = new Uint8Array(UNROLL * stream.features);
      fillImages(stream, 'train', rows, images);
      const columns = Int32Array.from({length: UNROLL}, (_, i) =>
        rows[i] ? columnOf.get(targetOf(stream, 'train', rows[i]))! : 0,
      );
      const weights = Float32Array.from({length: UNROLL}, (_, i) => (rows[i] ? 1 : 0));
      const batch = {
        images: engine.upload(hostArray(images, [UNROLL, stream.features], 'uint8')),
        columns: engine.upload(hostArray(columns, [UNROLL], 'int32')),
        weights: engine.upload(hostArray(weights, [UNROLL], 'float32')),
      };
      try {
        sums = (await program.run({...parameters, ...sums, ...batch}, seeds.fork('labels', at))) as typeof sums;
      } finally {
        for (const buffer of Object.values(batch)) buffer.dispose();
      }
    }
    const entries = locals.map(async (local) => {
      const sum = await sums[`fisher/${local}`]!.read();
      return [
        path.bind[local]!,
        hostArray(
          (sum.data as Float32Array).map((f) => f / chosen.length),
          sum.shape,
          'float32',
        ),
      ] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  } finally {
    for (const buffer of [...Object.values(parameters), ...Object.values(sums)]) buffer.dispose();
    program.dispose();
  }
}

function buildFisher(path: Path, locals: readonly string[], labels: FisherRequest['labels']): PureFunction {
  return (inputs, noise) => {
    const fixed = parametersOf(inputs, Object.keys(inputs));
    const images = inputs['images'] as tf.Tensor2D;
    let sums = locals.map((local) => inputs[`fisher/${local}`]!);
    for (let n = 0; n < UNROLL; n++) {
      const image = tf.slice(images, [n, 0], [1, -1]);
      let column: tf.Tensor = tf.slice(inputs['columns']!, [n], [1]);
      if (labels === 'sampled-labels') {
        // argmax(logits + Gumbel noise) is a draw from the softmax.
        const {logits} = forward(path.spec, fixed, image);
        const uniform = tf.clipByValue(noise.uniform(`label:${n}`, logits.shape), 1e-20, 0.9999999);
        column = tf.argMax(tf.sub(logits, tf.log(tf.neg(tf.log(uniform)))), 1);
      }
      const logLikelihood = (...moving: tf.Tensor[]): tf.Scalar => {
        const parameters = {...fixed, ...Object.fromEntries(locals.map((local, i) => [local, moving[i]!]))};
        return tf.neg(tf.sum(negativeLogLikelihood(forward(path.spec, parameters, image).logits, column)));
      };
      const {grads} = tf.valueAndGrads(logLikelihood)(locals.map((local) => fixed[local]!));
      const weight = tf.slice(inputs['weights']!, [n], [1]);
      sums = sums.map((sum, i) => tf.add(sum, tf.mul(tf.square(grads[i]!), weight)));
    }
    return Object.fromEntries(locals.map((local, i) => [`fisher/${local}`, sums[i]!]));
  };
}
