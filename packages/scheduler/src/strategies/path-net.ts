import {
  type Assignment,
  assign,
  freeze,
  growModules,
  type Network,
  type Owner,
  reinitialise,
  reroute,
  tournamentRounds,
} from '@accrete/core';
import {define, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import type {Candidate, Plan, SearchContext, Strategy} from './strategy.ts';

/**
 * PathNet: every layer is an inventory of modules; tasks compete for paths through them by evolution, and the modules of the path
 * that wins are frozen.
 *
 *   y[l] = sum over the distinct genes j of layer l of W[l, j] h + b[l, j],  then the layer's non-linearity
 *
 * Two paths of a population are drawn, each is trained for `generationEpochs`, and the loser, by validation accuracy, becomes a
 * mutated copy of the winner; all train the same modules, one after the other. The best path of the last population then trains
 * for the task's epochs. When the next task comes its modules and head are frozen, and all others start anew.
 *
 * The layers that the network has from the start take no part. The strategy sets routing to `assigned` and aggregation to
 * `mixture`.
 *
 * Cost: 2 rounds + population short trainings, and one of the task's epochs.
 *
 * @param options.modules M, modules per layer.
 * @param options.active N, genes per layer.
 * @throws HarnessError E_COMBINATION where a task has no validation examples.
 */
export const pathNet = define({
  kind: 'path-net',
  summary: 'PathNet: paths through an inventory of modules compete by evolution; what the winner uses is frozen.',
  source: {
    cite: 'Fernando et al. 2017, section 2',
    url: 'https://arxiv.org/abs/1701.08734',
    deviations: [
      'fitness is validation accuracy, not that of training',
      'the non-linearity comes after the sum over modules',
      'the last population is evaluated once, and its best path trains on',
      'paths of one task share a head',
    ],
  },
  options: {
    modules: z.int().min(2).default(10).describe('M: modules per layer'),
    active: z.int().min(1).default(3).describe('N: genes per layer'),
    population: z.int().min(2).default(8).describe('paths that compete'),
    rounds: z.int().min(0).default(8).describe('pairs of paths that meet'),
    generationEpochs: z.int().min(1).default(1).describe('epochs of each meeting'),
  },
  create: ({modules, active, population, rounds, generationEpochs}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, seeds}) => {
      if (task.index === 0) {
        return inventory(network, modules, seeds.fork('init'));
      }
      const used = usedModules(network, task.index - 1);
      const {network: still, frozen} = freeze(network, ({id}) => used.has(id) || id.startsWith('head/'));
      const free = ({id, frozen: fixed}: Owner): boolean => !fixed && !id.startsWith('head/');
      const fresh = still.topology.sites.flatMap((site) => site.modules.filter(free).map(({id}) => id));
      return {
        network: reinitialise(still, free, seeds.fork('reinitialise')),
        growth: [
          growthNote('freeze', frozen, `the path that won task ${task.index - 1} never moves again`),
          ...(fresh.length > 0 ? [growthNote('reinitialise', fresh, 'what no winner uses starts anew')] : []),
        ],
      };
    },
    search: async function* (context) {
      const {sites} = context.network.topology;
      const space = {sites: sites.length, modules, active};
      const contests = tournamentRounds({space, population, rounds}, context.seeds.fork('tournament'));
      let network = context.network;
      let count = 0;
      let step = contests.next();
      while (!step.done) {
        const name = `path ${count++}: ${written(step.value)}`;
        const {accuracy, network: left} = yield candidate(context, network, step.value, name, generationEpochs);
        // All paths train the same modules: the next one goes on with what this one left.
        if (accuracy !== null) network = left;
        step = contests.next(accuracy === null ? Number.POSITIVE_INFINITY : 1 - accuracy);
      }
      const {best, loss} = step.value;
      const winner = candidate(context, network, best, `winner: ${written(best)}`, null);
      yield winner;
      const reason = `validation accuracy ${(1 - loss).toFixed(3)} is the best of the last ${population} paths, after ${rounds} meetings`;
      const used = usedModules(winner.network, context.task.index);
      const reused = sites.flatMap((site) =>
        site.modules.flatMap(({id, frozen}) => (frozen && used.has(id) ? [id] : [])),
      );
      return {
        chosen: winner.name,
        reason,
        growth: reused.length > 0 ? [growthNote('reuse', reused, reason)] : [],
      };
    },
  }),
});

function inventory(network: Network, modules: number, seeds: SeedStream): Plan {
  const names = Array.from({length: modules}, (_, j) => String(j));
  const routed = reroute(network, {routing: {kind: 'assigned', modules: []}, aggregation: {kind: 'mixture'}});
  let grown = freeze(routed, ({id}) => id.endsWith('/base')).network;
  const added: string[] = [];
  let parametersAdded = 0;
  // Layers may be of different kinds; modules are of the kind of their base.
  for (const {id, base} of network.topology.sites) {
    const step = growModules(grown, {task: null, computation: base.computation, names, sites: [id]}, seeds);
    grown = step.network;
    added.push(...step.added);
    parametersAdded += step.parametersAdded;
  }
  const reason = 'the inventory that paths go through';
  return {
    network: grown,
    growth: [growthNote('add', added, reason, parametersAdded)],
  };
}

function candidate(
  {task}: SearchContext,
  network: Network,
  genes: Assignment,
  name: string,
  epochs: number | null,
): Candidate {
  const chosen = network.topology.sites.map(({id}, i) => [id, [...new Set(genes[i]!)].map(String)] as const);
  return {
    name,
    network: assign(network, task.index, Object.fromEntries(chosen)),
    ...(epochs === null ? {} : {phases: [{name: 'generation', epochs}]}),
  };
}

/** Genes layer by layer, such as `0+3|2`. */
function written(genes: Assignment): string {
  return genes.map((layer) => [...new Set(layer)].sort((a, b) => a - b).join('+')).join('|');
}

/** Ids of the modules on a task's path. */
function usedModules({topology}: Network, task: number): ReadonlySet<string> {
  const named = topology.sites.flatMap(({id, routing}) =>
    ((routing['modules'] as readonly (readonly string[])[])[task] ?? []).map((name) => `${id}/module:${name}`),
  );
  return new Set(named);
}
