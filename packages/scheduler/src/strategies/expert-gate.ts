import {
  allOwners,
  countBytes,
  type Network,
  type Optimizer,
  optimizers,
  type Path,
  pathOf,
  reconstructionErrors,
  reinitialise,
  segmentsFor,
  weightedMean,
} from '@accrete/core';
import {canonicalJson, define, type HostArray, hostArray, type ParsedConfig, type SeedStream} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {type Row, trainingRows} from '../streams/stream.ts';
import {alongPath, type Lines} from '../training/along-path.ts';
import {learnable, learning} from './learned.ts';
import type {Recognition, StepContext, StepPart, Strategy, StrategyState} from './strategy.ts';
import {isOwn, networkOfTask, ownNetwork} from './task-networks.ts';

/**
 * Expert gate: every task has an expert, a network of its own, and a gate, an autoencoder that learns what the task's inputs look
 * like. An example goes to the expert whose gate reconstructs it best.
 *
 *   e_t(x) = mean over pixels of (D_t relu(E_t x + c_t) + o_t - x)^2,   expert(x) = argmin_t e_t(x)
 *
 * A new expert starts from the earlier one that is most related, that with the lowest mean error on the new task's examples. Gates
 * are learned beside the experts, by an optimiser of their own; nothing of them reaches an expert. Where the scenario withholds
 * the task, set `taskInference: recognition`; with another one, gates only choose where experts start.
 *
 * Memory: one network and one gate per task.
 *
 * @param options.width of a gate's code.
 * @param options.optimizer moves gates.
 * @param options.examples most training examples that relatedness is judged by.
 */
export const expertGate = define({
  kind: 'expert-gate',
  summary: 'Expert gate: a network per task, and an autoencoder per task that tells which of them an example is for.',
  source: {
    cite: 'Aljundi et al. 2017 (Expert Gate), section 3',
    url: 'https://arxiv.org/abs/1611.06194',
    deviations: [
      'gates see pixels, not features of a pre-trained network, without a sigmoid over them',
      'a new expert is always fine-tuned from the most related one, never by distillation',
    ],
  },
  options: {
    width: z.int().min(1).default(16).describe("width of a gate's code"),
    optimizer: optimizers.schema.prefault({kind: 'adam', learningRate: 0.01}).describe('moves gates'),
    examples: z.int().min(1).default(500).describe('most training examples that relatedness is judged by'),
  },
  create: ({width, optimizer, examples}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, state, seeds}) => {
      const gate = learnable(optimizers.parse(optimizer), freshGate(network, task.index, width, seeds.fork('gate')));
      const kept = task.index === 0 ? {} : ownNetwork(network, task.index - 1);
      const own = allOwners(network.topology).filter(isOwn);
      const arrays = {...withoutSlots(state.arrays), ...kept, ...gate};
      if (task.index === 0) return {state: {values: state.values, arrays}};
      return {
        network: reinitialise(network, isOwn, seeds.fork('reinitialise')),
        state: {values: state.values, arrays},
        growth: [
          {
            change: 'reinitialise',
            modules: own.map(({id}) => id),
            reason: 'every task has an expert of its own; that of the task before is kept',
            parametersAdded: 0,
            bytesAdded: countBytes(kept),
          },
        ],
      };
    },
    enter: async (context) => {
      const {task, state, network, seeds} = context;
      if (task.index === 0) return {};
      const chosen = seeds.fork('examples').permutation(task.examples.train.length).slice(0, examples);
      const all = trainingRows(task);
      const rows = [...chosen].map((place) => all[place]!);
      const earlier = Array.from({length: task.index}, (_, t) => t);
      const {data} = await gateErrors(context, rows, earlier);
      const means = earlier.map(
        (t) => rows.reduce((sum, _, row) => sum + data[row * task.index + t]!, 0) / rows.length,
      );
      const nearest = means.indexOf(Math.min(...means));
      const modules = allOwners(network.topology).filter(isOwn);
      return {
        network: networkOfTask(network, state, nearest),
        growth: [
          {
            change: 'reuse',
            modules: modules.map(({id}) => id),
            reason: `starts from the expert of task ${nearest}: errors of gates ${means.map((e) => e.toFixed(3)).join(', ')}`,
            parametersAdded: 0,
            bytesAdded: 0,
          },
        ],
      };
    },
    step: (context) => gateStep(context, optimizer),
    view: ({network, state, task}) => networkOfTask(network, state, task),
    recognise: async ({rows, tasks, ...request}) => {
      const {topology} = request.network;
      const path = pathOf(topology, tasks[0]!, segmentsFor(topology, tasks[0]!));
      const {data} = await gateErrors({...request, path}, rows, tasks);
      return data.map((error) => -error);
    },
  }),
});

const gateOf = (task: number): string => `gate:${task}/`;

function freshGate(
  {topology}: Network,
  task: number,
  width: number,
  seeds: SeedStream,
): Record<string, HostArray<'float32'>> {
  const {features} = topology.input;
  const drawn = (name: string, shape: readonly number[], fanIn: number) => {
    const own = seeds.fork(name);
    const bound = 1 / Math.sqrt(fanIn);
    const data = Float32Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => (2 * own.uniform() - 1) * bound);
    return [`${gateOf(task)}${name}`, hostArray(data, shape, 'float32')] as const;
  };
  return Object.fromEntries([
    drawn('encoder', [features, width], features),
    drawn('code', [width], features),
    drawn('decoder', [width, features], width),
    drawn('output', [features], width),
  ]);
}

function withoutSlots(arrays: StrategyState['arrays']): StrategyState['arrays'] {
  return Object.fromEntries(Object.entries(arrays).filter(([name]) => !name.includes('#')));
}

function gateArrays({arrays}: StrategyState, task: number): Record<string, HostArray> {
  const prefix = gateOf(task);
  const own = Object.entries(arrays).filter(([name]) => name.startsWith(prefix) && !name.includes('#'));
  return Object.fromEntries(own.map(([name, array]) => [name.slice(prefix.length), array]));
}

function gateStep({task, state, path}: StepContext, optimizer: ParsedConfig): StepPart {
  const {id} = path.spec.sites[0]!;
  const stored = Object.keys(gateArrays(state, task.index)).map(
    (name) => [name, `${gateOf(task.index)}${name}`] as const,
  );
  const moving: Optimizer = optimizers.parse(optimizer);
  return {
    key: {'expert-gate': canonicalJson(optimizer)},
    inputs: {},
    term: ({hidden, carried, weights}) => weightedMean(tf.squeeze(errorsOf(hidden[id]!, [carried]), [1]), weights),
    carry: learning(moving, Object.fromEntries(stored)),
  };
}

/** e_t of every gate, [batch, gates]. */
function errorsOf(entering: tf.Tensor, gates: readonly Readonly<Record<string, tf.Tensor>>[]): tf.Tensor {
  return reconstructionErrors(tf.reshape(entering, [entering.shape[0]!, -1]), gates);
}

/** e_t of every row under the gates of some tasks: [rows, tasks]. */
async function gateErrors(
  request: Omit<Recognition, 'rows' | 'tasks' | 'part'> & {readonly part?: Recognition['part']; readonly path: Path},
  rows: readonly Row[],
  tasks: readonly number[],
): Promise<Lines> {
  const {id} = request.path.spec.sites[0]!;
  const gates = tasks.map((task) => gateArrays(request.state, task));
  const arrays = gates.flatMap((gate, k) =>
    Object.entries(gate).map(([name, array]) => [`${k}/${name}`, array] as const),
  );
  const {errors} = await alongPath(request, rows, {
    name: 'gate errors',
    key: tasks.length,
    arrays: Object.fromEntries(arrays),
    read: ({hidden}, _, given) => ({
      errors: errorsOf(
        hidden[id]!,
        gates.map((gate, k) => Object.fromEntries(Object.keys(gate).map((name) => [name, given[`${k}/${name}`]!]))),
      ),
    }),
  });
  return errors!;
}
