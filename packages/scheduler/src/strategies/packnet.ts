import {freeze, type Network, type Path, withParameters} from '@accrete/core';
import {define, HarnessError, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import type {GrowthNote, StepPart, Strategy, StrategyState} from './strategy.ts';

/**
 * PackNet: every task trains the weights that no earlier task kept, prunes the smallest of its own, and trains what it kept
 * once more. Kept weights never move again.
 *
 * Each kernel of a base has an owner per weight: 0 free, t + 1 kept by task t. Before task t all free weights become its own;
 * after its first phase the cut-off is the round(prune * n)-th smallest |w| among its n own weights, and those up to it are
 * set to 0 and freed. Predictions for task j see the weights of owners 1 .. j + 1. Biases of the bases stand still after task 0.
 * Each task has a head segment of its own.
 *
 * Freezing is by choice of the old value (`where`), not by a zero gradient: not even momentum or weight decay moves a bit.
 *
 * @param options.prune share of a task's own weights that is freed again.
 * @param options.retrainEpochs epochs of training what was kept.
 * @throws HarnessError E_COMBINATION from the first plan where there are more than 255 tasks.
 */
export const packnet = define({
  kind: 'packnet',
  summary: 'PackNet: each task keeps its largest weights and frees the rest for later tasks.',
  source: {
    cite: 'Mallya and Lazebnik 2018',
    url: 'https://arxiv.org/abs/1711.05769',
    deviations: ['ties at the cut-off are broken by position, so that the number freed is exact'],
  },
  options: {
    prune: z.number().min(0).lt(1).default(0.75).describe("share of a task's own weights that is freed again"),
    retrainEpochs: z.int().min(0).default(1).describe('epochs of training what was kept'),
  },
  create: ({prune, retrainEpochs}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, stream, network, state, epochs}) => {
      if (stream.tasks.length > LARGEST_OWNER) {
        const message = `packnet marks owners in one byte: expected at most ${LARGEST_OWNER} tasks, got ${stream.tasks.length}. Use fewer tasks.`;
        throw new HarnessError('E_COMBINATION', message);
      }
      const old = freeze(network, (module) => module.id.startsWith('head/'));
      const claimed = mapOwners(network, state, (owner) => owner.map((o) => (o === 0 ? task.index + 1 : o)));
      return {
        network: old.network,
        growth: frozenNote(old.frozen),
        state: withOwners(claimed, task.index),
        phases: [
          {name: 'train', epochs},
          {name: 'retrain', epochs: retrainEpochs},
        ],
        ...(task.index > 0 ? {still: baseBiases(network)} : {}),
      };
    },
    enter: ({task, network, state, phase}) =>
      phase.name === 'retrain' ? pruned(network, state, task.index, prune) : {},
    step: ({task, path, state, trainable}) => keepOthers(task.index, path, state, trainable),
    view: ({network, state, task}) => viewFor(network, state, task),
  }),
});

const LARGEST_OWNER = 255;

const ownerKey = (path: string): string => `owner/${path}`;

/** Kernels that tasks share by owning parts of them. */
function packed(network: Network): readonly string[] {
  return network.topology.sites.map((site) => `${site.base.id}/kernel`);
}

function baseBiases(network: Network): readonly string[] {
  return network.topology.sites.map((site) => `${site.base.id}/bias`).filter((path) => path in network.parameters);
}

function mapOwners(
  network: Network,
  state: StrategyState,
  change: (owner: Uint8Array, path: string) => Uint8Array,
): Record<string, HostArray> {
  return Object.fromEntries(
    packed(network).map((path) => {
      const {shape, data} = network.parameters[path]!;
      const before = (state.arrays[ownerKey(path)]?.data as Uint8Array | undefined) ?? new Uint8Array(data.length);
      return [ownerKey(path), hostArray(change(before, path), shape, 'uint8')];
    }),
  );
}

/** Owners take ceil(log2(tasks + 1)) bits per weight when stored. */
function withOwners(arrays: Record<string, HostArray>, task: number): StrategyState {
  const weights = Object.values(arrays).reduce((sum, array) => sum + array.data.length, 0);
  return {values: {bytes: Math.ceil((weights * Math.ceil(Math.log2(task + 2))) / 8)}, arrays};
}

function pruned(network: Network, state: StrategyState, task: number, share: number) {
  const replaced: Record<string, HostArray<'float32'>> = {};
  let freed = 0;
  const owners = mapOwners(network, state, (owner, path) => {
    const {shape, data} = network.parameters[path]!;
    const own = [...owner.keys()].filter((i) => owner[i] === task + 1);
    const bySize = own.sort((a, b) => Math.abs(data[a]!) - Math.abs(data[b]!) || a - b);
    const weights = data.slice();
    const next = owner.slice();
    for (const i of bySize.slice(0, Math.round(share * own.length))) {
      weights[i] = 0;
      next[i] = 0;
      freed++;
    }
    replaced[path] = hostArray(weights, shape, 'float32');
    return next;
  });
  const bases = network.topology.sites.map((site) => site.base.id);
  const reason = `freed the ${freed} smallest of the task's own weights (share ${share}) for later tasks`;
  const growth = [growthNote('prune', bases, reason)];
  return {network: withParameters(network, replaced), state: withOwners(owners, task), growth};
}

function keepOthers(task: number, path: Path, state: StrategyState, trainable: readonly string[]): StepPart {
  const inputs: Record<string, HostArray> = {};
  for (const local of trainable) {
    const owner = state.arrays[ownerKey(path.bind[local]!)];
    if (owner)
      inputs[`mine/${local}`] = hostArray(
        (owner.data as Uint8Array).map((o) => (o === task + 1 ? 1 : 0)),
        owner.shape,
        'bool',
      );
  }
  return {
    key: {packnet: Object.keys(inputs)},
    inputs,
    update: (local, before, after, {inputs: own}) => {
      const mine = own[`mine/${local}`];
      return mine ? tf.where(mine, after, before) : after;
    },
  };
}

function viewFor(network: Network, state: StrategyState, task: number): Network {
  const seen: Record<string, HostArray<'float32'>> = {};
  for (const path of packed(network)) {
    const owner = state.arrays[ownerKey(path)]?.data;
    if (!owner) continue;
    const {shape, data} = network.parameters[path]!;
    seen[path] = hostArray(
      data.map((w, i) => (owner[i]! >= 1 && owner[i]! <= task + 1 ? w : 0)),
      shape,
      'float32',
    );
  }
  return withParameters(network, seen);
}

function frozenNote(modules: readonly string[]): GrowthNote[] {
  return modules.length === 0 ? [] : [growthNote('freeze', modules, 'heads of earlier tasks never move again')];
}
