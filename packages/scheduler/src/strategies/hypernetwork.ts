import {type Network, optimizers, type Path, withParameters} from '@accrete/core';
import {canonicalJson, define, type HostArray, hostArray, type ParsedConfig} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {learnable, learning} from './learned.ts';
import type {StepContext, StepPart, Strategy, StrategyState} from './strategy.ts';
import {
  asParameters,
  freshEmbedding,
  freshGenerator,
  type GeneratorArrays,
  generate,
  generatedWeights,
  generateOnHost,
} from './weight-generator.ts';

/**
 * Task-conditioned hypernetworks: the weights of the network are made by another one from an embedding per task, piece by piece,
 * and what it makes of earlier embeddings is held.
 *
 *   theta_t = [h(e_t, c_1; Theta), ..., h(e_t, c_C; Theta)]
 *   penalty = strength / t * sum_{j < t} |h(e_j; Theta*) - h(e_j; Theta)|^2         Theta*: as before task t
 *
 * Theta, the pieces c and the current e_t are learned, by an optimiser of their own. Weights come in units of the root mean square
 * that their layer starts with. The head of a task is trained as it is, not generated.
 *
 * @param options.strength beta in the paper; 0 lets earlier tasks' weights drift.
 * @param options.chunk weights made at a time.
 * @param options.optimizer moves Theta, c and e_t.
 *
 * Memory: Theta, and one embedding per task. Step time grows with the number of earlier tasks, as the penalty does.
 */
export const hypernetwork = define({
  kind: 'hypernetwork',
  summary: 'A hypernetwork makes the weights from an embedding per task; what it makes for earlier tasks is held.',
  source: {
    cite: 'von Oswald et al. 2020, eq. 2, section 2',
    url: 'https://arxiv.org/abs/1906.00695',
    deviations: [
      'the penalty looks at Theta, not at Theta after the coming step',
      'heads are trained, not generated',
      'weights are generated in units of their size at the start',
    ],
  },
  options: {
    strength: z.number().min(0).default(0.01).describe('beta: how firmly earlier weights are held'),
    embedding: z.int().min(1).default(32).describe("length of a task's embedding"),
    pieceEmbedding: z.int().min(1).default(32).describe("length of a piece's embedding"),
    chunk: z.int().min(1).default(2000).describe('weights made at a time'),
    hidden: z.array(z.int().min(1)).default([10, 10]).describe('widths of its hidden layers'),
    optimizer: optimizers.schema.prefault({kind: 'adam', learningRate: 0.001}).describe('moves it'),
  },
  create: ({strength, optimizer, ...shape}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, state, seeds}) => {
      const weights = generatedWeights(network);
      const fresh = task.index === 0 ? freshGenerator(shape, weights.size, seeds.fork('generator')) : {};
      const before = task.index === 0 ? {} : generatorIn(state);
      const learned = learnable(optimizers.parse(optimizer), {
        ...named('generator', task.index === 0 ? fresh : (before as GeneratorArrays<HostArray<'float32'>>)),
        [embeddingOf(task.index)]: freshEmbedding(shape.embedding, seeds.fork('embedding')),
      });
      return {
        still: weights.parts.map(({path}) => path),
        state: counted({values: state.values, arrays: {...state.arrays, ...named('before', before), ...learned}}),
      };
    },
    step: (context) => generatedStep(context, strength, optimizer),
    consolidate: async ({state}) => {
      const kept = Object.entries(state.arrays).filter(([name]) => !name.startsWith('before/') && !name.includes('#'));
      return {state: counted({values: state.values, arrays: Object.fromEntries(kept)})};
    },
    view: ({network, state, task}) => withParameters(network, weightsOf(network, state, task)),
  }),
});

const embeddingOf = (task: number): string => `embedding:${task}`;

function named<T>(prefix: string, arrays: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}/${name}`, array]));
}

function generatorIn({arrays}: StrategyState, prefix = 'generator'): GeneratorArrays<HostArray> {
  const own = Object.entries(arrays).filter(([name]) => name.startsWith(`${prefix}/`) && !name.includes('#'));
  return Object.fromEntries(own.map(([name, array]) => [name.slice(prefix.length + 1), array]));
}

/** The weights of the network itself are what sizes are measured by: `bytes` counts what is stored beside them. */
function counted({values, arrays}: StrategyState): StrategyState {
  const bytes = Object.entries(arrays)
    .filter(([name]) => name.startsWith('generator/') || name.startsWith('embedding:'))
    .filter(([name]) => !name.includes('#'))
    .reduce((sum, [, {data}]) => sum + data.byteLength, 0);
  return {values: {...values, bytes}, arrays};
}

function generatedStep({task, network, state, path}: StepContext, strength: number, optimizer: ParsedConfig): StepPart {
  const weights = generatedWeights(network);
  const stored = Object.fromEntries([
    ...Object.keys(generatorIn(state)).map((name) => [name, `generator/${name}`] as const),
    ['embedding', embeddingOf(task.index)] as const,
  ]);
  const held = strength > 0 && task.index > 0;
  const scales = weights.parts.map(({path: at, scale}) => [at, scale] as const);
  return {
    key: {hypernetwork: held ? strength : 0, earlier: task.index, optimizer: canonicalJson(optimizer), scales},
    inputs: held ? heldWeights(network, state, task.index) : {},
    effective: (_, {carried}) => {
      const made = asParameters(generate(carried, tf.expandDims(carried['embedding']!), weights), weights);
      return Object.fromEntries(localsOf(path, Object.keys(made)).map(([local, at]) => [local, made[at]!]));
    },
    ...(held && {
      term: ({carried, inputs}) => {
        const made = generate(carried, inputs['embeddings']!, weights); // [earlier tasks, size]
        return tf.mul(tf.sum(tf.square(tf.sub(made, inputs['targets']!))), strength / task.index);
      },
    }),
    carry: learning(optimizers.parse(optimizer), stored),
  };
}

/** Where generated weights go on a path. */
function localsOf({bind}: Path, paths: readonly string[]): readonly (readonly [string, string])[] {
  const generated = new Set(paths);
  return Object.entries(bind).filter(([, at]) => generated.has(at));
}

/** Embeddings of earlier tasks [tasks, embedding], and what the generator made of them before this one [tasks, size]. */
function heldWeights(network: Network, state: StrategyState, earlier: number): Record<string, HostArray> {
  const weights = generatedWeights(network);
  const generator = generatorIn(state, 'before');
  const embeddings = Array.from({length: earlier}, (_, j) => state.arrays[embeddingOf(j)]!);
  const targets = new Float32Array(earlier * weights.size);
  embeddings.forEach((embedding, j) => {
    let at = j * weights.size;
    for (const {data} of Object.values(generateOnHost(generator, embedding, weights))) {
      targets.set(data, at);
      at += data.length;
    }
  });
  const width = embeddings[0]!.data.length;
  const lines = Float32Array.from(embeddings.flatMap(({data}) => [...data]));
  return {
    embeddings: hostArray(lines, [earlier, width], 'float32'),
    targets: hostArray(targets, [earlier, weights.size], 'float32'),
  };
}

/** What was last made of an embedding by a generator, known by its first kernel: the same arrays again. */
const made = new WeakMap<
  HostArray,
  {readonly of: HostArray; readonly weights: Readonly<Record<string, HostArray<'float32'>>>}
>();

function weightsOf(
  network: Network,
  state: StrategyState,
  task: number,
): Readonly<Record<string, HostArray<'float32'>>> {
  const embedding = state.arrays[embeddingOf(task)];
  if (!embedding) return {};
  const generator = generatorIn(state);
  const first = generator['0/kernel']!;
  const known = made.get(embedding);
  if (known?.of === first) return known.weights;
  const weights = generateOnHost(generator, embedding, generatedWeights(network));
  made.set(embedding, {of: first, weights});
  return weights;
}
