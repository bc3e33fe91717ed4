import {type ArraySpec, type HostArray, hostArray, type SeedStream, seedStream, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Buffers, Engine, PureFunction} from '../../src/index.ts';

/** A network of dense layers, its optimiser, and data to train it on. */
export interface Setup {
  readonly widths: readonly number[];
  readonly batch: number;
  readonly optimiser: 'sgd' | 'adam';
}

/** Specs of the parameters, weights before biases, layer by layer. */
export function parameterSpecs({widths}: Setup): Record<string, ArraySpec> {
  const specs: Record<string, ArraySpec> = {};
  for (let i = 1; i < widths.length; i++) {
    specs[`w${i}`] = {shape: [widths[i - 1]!, widths[i]!], dtype: 'float32'};
    specs[`b${i}`] = {shape: [widths[i]!], dtype: 'float32'};
  }
  return specs;
}

/** Specs of all that a step carries over to the next: parameters and, for Adam, both moments of each and the step count. */
export function stateSpecs(setup: Setup): Record<string, ArraySpec> {
  const specs = parameterSpecs(setup);
  if (setup.optimiser === 'sgd') return specs;
  const moments = Object.entries(specs).flatMap(([name, spec]) => [
    [`m/${name}`, spec] as const,
    [`v/${name}`, spec] as const,
  ]);
  return {...specs, ...Object.fromEntries(moments), t: {shape: [], dtype: 'float32'}};
}

/** One training step on byte images and int32 labels. */
export function trainingStep(setup: Setup): PureFunction {
  const names = Object.keys(parameterSpecs(setup));
  return ({x, y, ...state}) => {
    const images = tf.sub(tf.div(tf.cast(x!, 'float32'), 127.5), 1);
    const loss = (...parameters: tf.Tensor[]): tf.Scalar => {
      let h = images;
      for (let i = 0; i < parameters.length; i += 2) {
        h = tf.add(tf.matMul(h, parameters[i]!), parameters[i + 1]!);
        if (i + 2 < parameters.length) h = tf.relu(h);
      }
      return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.cast(y!, 'int32'), setup.widths.at(-1)!), h);
    };
    const {value, grads} = tf.valueAndGrads(loss)(names.map((name) => state[name]!));
    const next: Record<string, tf.Tensor> = {loss: value};
    if (setup.optimiser === 'sgd') {
      for (const [i, name] of names.entries()) next[name] = tf.sub(state[name]!, tf.mul(grads[i]!, 0.1));
      return next;
    }
    const t = tf.add(state['t']!, 1);
    next['t'] = t;
    for (const [i, name] of names.entries()) {
      const m = tf.add(tf.mul(state[`m/${name}`]!, 0.9), tf.mul(grads[i]!, 0.1));
      const v = tf.add(tf.mul(state[`v/${name}`]!, 0.999), tf.mul(tf.square(grads[i]!), 0.001));
      const rate = tf.div(
        tf.mul(0.01, tf.sqrt(tf.sub(1, tf.pow(tf.scalar(0.999), t)))),
        tf.sub(1, tf.pow(tf.scalar(0.9), t)),
      );
      next[name] = tf.sub(state[name]!, tf.mul(rate, tf.div(m, tf.add(tf.sqrt(v), 1e-6))));
      Object.assign(next, {[`m/${name}`]: m, [`v/${name}`]: v});
    }
    return next;
  };
}

/** Trains and returns the losses, one per step, and the last state. Releases everything. */
export async function train(
  engine: Engine,
  setup: Setup,
  steps: number,
): Promise<{losses: number[]; state: Record<string, HostArray>}> {
  const root = seedStream(11);
  const specs = stateSpecs(setup);
  const donate = Object.fromEntries(Object.keys(specs).map((name) => [name, name]));
  const features = setup.widths[0]!;
  const inputs: Record<string, ArraySpec> = {
    x: {shape: [setup.batch, features], dtype: 'uint8'},
    y: {shape: [setup.batch], dtype: 'int32'},
    ...specs,
  };
  const program = await engine.compile(trainingStep(setup), inputs, {name: 'mlp', donate});
  let state: Buffers = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, engine.upload(initial(name, spec, root))]),
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const stream = root.fork('batch', step);
    const labels = Int32Array.from({length: setup.batch}, () => stream.integer(setup.widths.at(-1)!));
    const pixels = Uint8Array.from({length: setup.batch * features}, (_, i) => {
      const label = labels[Math.floor(i / features)]!;
      return (stream.integer(128) + 64 * label * (i % 2)) % 256;
    });
    const x = engine.upload(hostArray(pixels, [setup.batch, features], 'uint8'));
    const y = engine.upload(hostArray(labels, [setup.batch], 'int32'));
    const {loss, ...next} = await program.run({x, y, ...state});
    losses.push((await loss!.read()).data[0]!);
    for (const buffer of [x, y, loss!]) buffer.dispose();
    state = next;
  }
  const read: Record<string, HostArray> = {};
  for (const [name, buffer] of Object.entries(state)) {
    read[name] = await buffer.read();
    buffer.dispose();
  }
  program.dispose();
  return {losses, state: read};
}

function initial(name: string, {shape, dtype}: ArraySpec, root: SeedStream): HostArray {
  const stream = root.fork('init', name);
  const scale = name.startsWith('w') ? 1 / Math.sqrt(shape[0]!) : 0;
  return hostArray(
    Float32Array.from({length: sizeOf(shape)}, () => stream.normal() * scale),
    shape,
    dtype as 'float32',
  );
}
