import {forward, type Network, type Path, pathOf, segmentsFor} from '@accrete/core';
import {type PureFunction, valueAndGradients} from '@accrete/engine';
import {type ArraySpec, canonicalJson, define, HarnessError, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {fillImages} from '../streams/stream.ts';
import type {InferenceRequest, TaskInference} from './task-inference.ts';

/** Examples per call of the program: each has coefficients, and so a network, of its own. */
const UNROLL = 8;

/**
 * Task inference by the gradient of entropy over superposed paths: the parameters of all tasks' paths are mixed by coefficients,
 * and the task whose coefficient lowers the entropy of the prediction the most is taken.
 *
 *   theta(alpha) = sum_j alpha_j theta_j,   p = softmax(logits(x; theta(alpha))),   H = -sum p ln p [nats]
 *   one-shot: alpha_j = 1 / k for all k tasks; the task with the lowest dH / d alpha_j
 *   binary:   the half with the lowest gradients stays, with alpha_j equal among them, until one is left
 *
 * Each example by itself; of equal gradients, the earlier task. With masks over fixed weights, theta_j = W * mask_j, this is
 * SupSup's inference. Paths, heads included, must differ in their parameters only.
 *
 * @param options.search `one-shot`: one gradient; `binary`: log2 of the number of tasks.
 * @throws HarnessError E_COMBINATION where the paths of tasks are not alike.
 */
export const superposition = define({
  kind: 'superposition',
  summary: 'The task whose share in a mixture of all paths lowers the entropy the most, by one gradient or by halving.',
  source: {
    cite: 'Wortsman et al. 2020 (SupSup), section 3.3, algorithm 1',
    url: 'https://arxiv.org/abs/2006.14769',
    deviations: ['the heads of tasks are mixed with the rest'],
  },
  options: {
    search: z.enum(['one-shot', 'binary']).default('one-shot').describe('one gradient, or halving the tasks'),
  },
  create: ({search}): TaskInference => ({
    from: 'images',
    infer: async (request) => {
      const {rows, seen} = request;
      const whole = Array.from(seen.keys());
      let left: readonly (readonly number[])[] = rows.map(() => whole);
      if (seen.length === 1) return new Int32Array(rows.length);
      const gradients = await createGradients(request);
      try {
        do {
          const found = await gradients.at(left);
          left = left.map((tasks, row) => {
            const order = [...tasks].sort((a, b) => found[row]![a]! - found[row]![b]! || a - b);
            const kept = search === 'one-shot' ? 1 : Math.max(1, Math.floor(tasks.length / 2));
            return order.slice(0, kept);
          });
        } while (left.some((tasks) => tasks.length > 1));
      } finally {
        gradients.dispose();
      }
      return Int32Array.from(left, ([task]) => task!);
    },
  }),
});

/** dH / d alpha of every example. */
interface Gradients {
  /** @param left places of the tasks among which each example's coefficients are shared evenly. @returns by example and task */
  at(left: readonly (readonly number[])[]): Promise<readonly Float32Array[]>;
  dispose(): void;
}

async function createGradients({
  engine,
  stream,
  part,
  rows,
  seen,
  view,
  compiled,
}: InferenceRequest): Promise<Gradients> {
  const networks = seen.map(view);
  const paths = networks.map(({topology}, k) => pathOf(topology, seen[k]!, segmentsFor(topology, seen[k]!)));
  checkAlike(paths, seen);
  const {spec, bind} = paths[0]!;
  const locals = Object.keys(bind);
  const stacks = Object.fromEntries(locals.map((local) => [local, stacked(local, networks, paths)]));
  const inputs: Record<string, ArraySpec> = {
    images: {shape: [UNROLL, stream.features], dtype: 'uint8'},
    shares: {shape: [UNROLL, seen.length], dtype: 'float32'},
    ...Object.fromEntries(locals.map((local) => [`stack/${local}`, {shape: stacks[local]!.shape, dtype: 'float32'}])),
  };
  const program = await engine.compile(entropyGradients(paths[0]!), inputs, {
    name: 'superposition',
    key: canonicalJson({superposition: spec, tasks: seen.length}),
  });
  compiled(program);
  const fixed = Object.fromEntries(locals.map((local) => [`stack/${local}`, engine.upload(stacks[local]!)]));
  return {
    at: async (left) => {
      const found: Float32Array[] = [];
      for (let at = 0; at < rows.length; at += UNROLL) {
        const chunk = rows.slice(at, at + UNROLL);
        const images = new Uint8Array(UNROLL * stream.features);
        fillImages(stream, part, chunk, images);
        const shares = new Float32Array(UNROLL * seen.length);
        chunk.forEach((_, i) => {
          const among = left[at + i]!;
          for (const k of among) shares[i * seen.length + k] = 1 / among.length;
        });
        const batch = {
          images: engine.upload(hostArray(images, [UNROLL, stream.features], 'uint8')),
          shares: engine.upload(hostArray(shares, [UNROLL, seen.length], 'float32')),
        };
        try {
          const {gradients} = await program.run({...fixed, ...batch});
          const {data} = await gradients!.read();
          gradients!.dispose();
          chunk.forEach((_, i) => {
            found.push(data.slice(i * seen.length, (i + 1) * seen.length) as Float32Array);
          });
        } finally {
          for (const buffer of Object.values(batch)) buffer.dispose();
        }
      }
      return found;
    },
    dispose: () => {
      for (const buffer of Object.values(fixed)) buffer.dispose();
      program.dispose();
    },
  };
}

function entropyGradients({spec, bind}: Path): PureFunction {
  return (inputs) => {
    const lines = Array.from({length: UNROLL}, (_, n) => {
      const image = tf.slice(inputs['images'] as tf.Tensor2D, [n, 0], [1, -1]);
      const entropy = (share: tf.Tensor): tf.Scalar => {
        const mixed = Object.keys(bind).map((local) => {
          const stack = inputs[`stack/${local}`]!;
          const flat = tf.matMul(share, tf.reshape(stack, [stack.shape[0]!, -1]));
          return [local, tf.reshape(flat, stack.shape.slice(1))] as const;
        });
        const {logits} = forward(spec, Object.fromEntries(mixed), image);
        return tf.neg(tf.sum(tf.mul(tf.softmax(logits), tf.logSoftmax(logits)))) as tf.Scalar;
      };
      const share = tf.slice(inputs['shares'] as tf.Tensor2D, [n, 0], [1, -1]);
      return valueAndGradients(entropy, [share]).grads[0]!;
    });
    return {gradients: tf.concat(lines, 0)};
  };
}

function stacked(local: string, networks: readonly Network[], paths: readonly Path[]): HostArray<'float32'> {
  const arrays = networks.map(({parameters}, k) => parameters[paths[k]!.bind[local]!]!);
  const [{data, shape}] = arrays as [HostArray<'float32'>];
  const together = new Float32Array(arrays.length * data.length);
  arrays.forEach((array, k) => {
    together.set(array.data, k * data.length);
  });
  return hostArray(together, [arrays.length, ...shape], 'float32');
}

function checkAlike(paths: readonly Path[], seen: readonly number[]): void {
  const first = canonicalJson(paths[0]!.spec);
  const other = paths.findIndex(({spec}) => canonicalJson(spec) !== first);
  if (other < 0) return;
  const message = `superposition mixes the parameters of all tasks' paths, but that of task ${seen[other]} is not like that of task ${seen[0]}: expected the same modules and as many classes. Set taskInference: lowest-entropy.`;
  throw new HarnessError('E_COMBINATION', message, {task: seen[other]!});
}
