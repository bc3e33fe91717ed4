import {freeze, type Network, type Parameters, type Path, reroute} from '@accrete/core';
import {define, HarnessError, type HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {targetOf, trainingRows} from '../streams/stream.ts';
import {type AlongPathRequest, alongPath} from '../training/along-path.ts';
import {drifted, expanded, reached, sortedOut} from './den-units.ts';
import {growthNote} from './growth-note.ts';
import type {Context, Entry, GrowthNote, StepContext, StepPart, Strategy, StrategyState} from './strategy.ts';

/**
 * Dynamically expandable networks: a task retrains only the units that its head depends on, brings new units where that is not enough,
 * and splits units that it moved too far.
 *
 * The first task trains all weights, sparse: after every step w <- sign(w) max(|w| - sparsity, 0). Every later one:
 *
 *   select    trains its head alone, in the same way; then S = the units reached from the head along weights that are not 0
 *   retrain   trains S and the head with  (pull / 2) sum (w - w_before)^2
 *   expand    where the mean loss is still above `lossThreshold`: `units` new units in every layer; they and the head alone train, and
 *             after every step what a new unit reads is w <- w max(0, 1 - groupSparsity / |w|); units left with nothing are removed
 *   split     units with |w - w_before| > driftThreshold, at most `units` in a layer and the farthest first, are set back to what they
 *             were; copies of what they had become join the task's units, which train on with the head
 *
 * A task's predictions see the units that were there after it. The strategy sets routing to `up-to-task` and aggregation to
 * `concatenation`, and needs dense layers that form a chain.
 *
 * @param options.units k, new units in a layer, and most that are split there.
 * @param options.selectEpochs epochs of the head alone; the other phases take the configured ones.
 *
 * Memory: a copy of the hidden layers while a task is trained.
 */
export const den = define({
  kind: 'den',
  summary: 'DEN: retrains the units that a task needs, adds units where they do not do, splits those that drift.',
  source: {
    cite: 'Yoon et al. 2018 (DEN), algorithms 1 to 4',
    url: 'https://arxiv.org/abs/1708.01547',
    deviations: [
      'units that were there before a task never read its new ones, so that earlier tasks need no cut-off widths',
      'the farthest drifted units are split; the published code takes the least of those above the threshold',
      'weights to a split unit go to its copy, where the published code draws new ones or doubles them',
      'softmax cross-entropy among the classes of the task, not a sigmoid per class',
      "no L2 penalty of its own: the optimiser's weight decay is there for that",
    ],
  },
  options: {
    units: z.int().min(1).default(10).describe('new units of a layer, and most that are split there'),
    lossThreshold: z.number().min(0).default(0.01).describe('mean loss above which units come [nats]'),
    driftThreshold: z.number().min(0).default(0.05).describe('length of the change above which a unit is split'),
    sparsity: z.number().min(0).default(1e-5).describe('what each step takes off the size of weights'),
    groupSparsity: z
      .number()
      .min(0)
      .default(1e-3)
      .describe('what each step takes off the length of what a new unit reads'),
    pull: z.number().min(0).default(0.5).describe('weight of the pull towards weights as they were'),
    selectEpochs: z.int().min(1).default(1).describe('epochs of the head alone'),
  },
  create: ({units, lossThreshold, driftThreshold, sparsity, groupSparsity, pull, selectEpochs}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, epochs}) => {
      if (task.index === 0) {
        requireDenseChain(network);
        return {network: reroute(network, {routing: {kind: 'up-to-task'}, aggregation: {kind: 'concatenation'}})};
      }
      const {network: held, frozen} = freeze(network, ({id}) => id.startsWith('head/'));
      const phases = ['select', 'retrain', 'expand', 'split'].map((name) => ({
        name,
        epochs: name === 'select' ? selectEpochs : epochs,
      }));
      return {
        network: held,
        phases,
        state: {values: {}, arrays: hidden(network)},
        growth: [growthNote('freeze', frozen, 'heads of earlier tasks never move again')],
      };
    },
    enter: async (context) => {
      const {phase, network, task, state, seeds} = context;
      const entered = (arrays: StrategyState['arrays']): StrategyState => ({values: {phase: phase.name}, arrays});
      const arrays = Object.fromEntries(Object.entries(state.arrays).filter(([name]) => !name.startsWith('mask/')));
      if (phase.name === 'retrain') {
        const masks = Object.entries(reached(network, task.index));
        const selected = masks.map(([path, mask]) => [`mask/${path}`, mask] as const);
        return {state: entered({...arrays, ...Object.fromEntries(selected)})};
      }
      if (phase.name === 'expand') {
        const loss = await meanLoss(context);
        const written = `the mean loss is ${loss.toPrecision(3)}, the threshold ${lossThreshold}`;
        const bases = network.topology.sites.map(({base}) => base.id);
        if (loss <= lossThreshold)
          return {skip: true, state: entered(arrays), growth: [growthNote('reuse', bases, written)]};
        const grown = expanded(network, task.index, task.classes, units, seeds.fork('init'));
        const growth = [growthNote('add', grown.added, written, grown.parametersAdded)];
        return {network: grown.network, state: entered(arrays), growth};
      }
      if (phase.name === 'split') return {...split(context, {units, driftThreshold}), state: entered(arrays)};
      return {state: entered(arrays)};
    },
    step: (context) => phaseStep(context, {sparsity, groupSparsity, pull}),
    consolidate: async () => ({state: {values: {}, arrays: {}}}),
  }),
});

/** Parameters of the hidden layers, for a strategy's state: `before/<path>`. */
function hidden({parameters}: Network): Record<string, HostArray> {
  const below = Object.entries(parameters).filter(([path]) => !path.startsWith('head/'));
  return Object.fromEntries(below.map(([path, array]) => [`before/${path}`, array]));
}

function beforeOf({arrays}: StrategyState): Parameters {
  const kept = Object.entries(arrays).filter(([name]) => name.startsWith('before/'));
  return Object.fromEntries(kept.map(([name, array]) => [name.slice('before/'.length), array])) as Parameters;
}

function requireDenseChain({topology}: Network): void {
  const others = topology.sites.filter(({base}) => base.computation.kind !== 'dense').map(({id}) => id);
  if (topology.chain && others.length === 0) return;
  const message = `den selects, adds and splits units of dense layers in a chain, and this is a ${topology.architecture.kind}. Use network: {kind: mlp}.`;
  throw new HarnessError('E_COMBINATION', message, {others});
}

/** Mean cross-entropy of the task's training examples [nats]. */
async function meanLoss(request: Context & AlongPathRequest): Promise<number> {
  const {task, stream} = request;
  const rows = trainingRows(task);
  const read = {name: 'logits', key: null, read: ({logits}: {readonly logits: tf.Tensor}) => ({logits})};
  const {logits} = await alongPath(request, rows, read);
  const {width, data} = logits!;
  const total = rows.reduce((sum, row, i) => {
    const own = data.subarray(i * width, (i + 1) * width);
    return sum + crossEntropy(own, request.path.classes.indexOf(targetOf(stream, 'train', row)));
  }, 0);
  return total / rows.length;
}

/** ln sum exp(z) - z[target] */
function crossEntropy(logits: Float32Array, target: number): number {
  const top = Math.max(...logits);
  return top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0)) - logits[target]!;
}

function split(
  {network, task, state, seeds}: Context,
  {units, driftThreshold}: {readonly units: number; readonly driftThreshold: number},
): Entry {
  const before = beforeOf(state);
  const far = drifted(network, before, {task: task.index, threshold: driftThreshold, most: units});
  const what = {task: task.index, classes: task.classes, split: far};
  const {network: sorted, removed} = sortedOut(network, before, what, seeds.fork('init'));
  const counts = Object.entries(far).filter(([, chosen]) => chosen.length > 0);
  const own = sorted.topology.sites.flatMap(({modules}) =>
    modules.filter((module) => module.task === task.index).map(({id}) => id),
  );
  const growth: GrowthNote[] = [];
  if (removed > 0) growth.push(growthNote('prune', own, `${removed} new units were left with nothing that they read`));
  if (counts.length > 0) {
    const written = counts.map(([id, chosen]) => `${chosen.length} at ${id}`).join(', ');
    growth.push(growthNote('add', own, `split units that moved by more than ${driftThreshold}: ${written}`));
  }
  return {network: sorted, growth, skip: counts.length === 0};
}

type Strengths = {readonly sparsity: number; readonly groupSparsity: number; readonly pull: number};

function phaseStep({task, path, state, trainable}: StepContext, {sparsity, groupSparsity, pull}: Strengths): StepPart {
  const phase = (state.values['phase'] as string | undefined) ?? 'train';
  const roleOf = (local: string): 'head' | 'own' | 'old' =>
    local.startsWith('head/') ? 'head' : path.owner[local]!.task === task.index && task.index > 0 ? 'own' : 'old';
  const moves = (local: string): boolean =>
    phase === 'train' ||
    roleOf(local) === 'head' ||
    (phase === 'retrain' ? roleOf(local) === 'old' : phase !== 'select' && roleOf(local) === 'own');
  const masks = phase === 'retrain' ? kept(state, path, trainable, 'mask') : {};
  const before = phase === 'retrain' && pull > 0 ? kept(state, path, trainable, 'before') : {};
  const pulled = Object.keys(before).map((name) => name.slice('before/'.length));
  return {
    key: {den: {phase, sparsity, groupSparsity, pull}, roles: trainable.map(roleOf), masks: Object.keys(masks), pulled},
    inputs: {...masks, ...before},
    ...(pulled.length === 0
      ? {}
      : {
          term: ({parameters, inputs}) =>
            tf.mul(
              tf.addN(pulled.map((local) => tf.sum(tf.square(tf.sub(parameters[local]!, inputs[`before/${local}`]!))))),
              pull / 2,
            ),
        }),
    update: (local, was, after, {inputs}) => {
      if (!moves(local)) return was;
      const sparse = local.endsWith('/kernel') ? shrunk(after, sparsity) : after;
      const grouped = phase === 'expand' && roleOf(local) === 'own' && local.endsWith('/kernel');
      const made = grouped ? shrunkColumns(sparse, groupSparsity) : sparse;
      const mask = inputs[`mask/${local}`];
      return mask ? tf.where(tf.cast(mask, 'bool'), made, was) : made;
    },
  };
}

/** Arrays of the state for parameters on a path: those that it has for these, by `<prefix>/<local name>`. */
function kept(state: StrategyState, path: Path, locals: readonly string[], prefix: string): Record<string, HostArray> {
  return Object.fromEntries(
    locals.flatMap((local) => {
      const array = state.arrays[`${prefix}/${path.bind[local]}`];
      return array ? [[`${prefix}/${local}`, array] as const] : [];
    }),
  );
}

/** sign(w) max(|w| - by, 0) */
export function shrunk(w: tf.Tensor, by: number): tf.Tensor {
  return by === 0 ? w : tf.sub(tf.relu(tf.sub(w, by)), tf.relu(tf.sub(tf.neg(w), by)));
}

/** w max(0, 1 - by / |w|) for every column of a kernel. */
export function shrunkColumns(w: tf.Tensor, by: number): tf.Tensor {
  if (by === 0) return w;
  const length = tf.sqrt(tf.add(tf.sum(tf.square(w), 0, true), 1e-20));
  return tf.mul(w, tf.relu(tf.sub(1, tf.div(by, length))));
}
