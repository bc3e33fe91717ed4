import {define} from '@accrete/kit';
import * as z from 'zod';
import {bestSource, frozenPaths, onPath, pathNotes, withNewLayers} from './layer-paths.ts';
import type {Candidate, SearchContext, Strategy, Trial} from './strategy.ts';

/**
 * MNTDP-D: modular networks with a task-driven prior, deterministic search. A task's network is a path of layers; each layer is
 * an earlier task's, frozen, or new.
 *
 * Before task t > 0 the prior picks the earlier task whose features serve the new data best: up to `examples` training examples
 * run along its path, and a k-nearest-neighbour rule over what reaches the head is scored on validation. From the best path s
 * come L + 1 candidates over L layers: the first L - b layers of s and b new ones on top, b = 0 .. L, each with a new head. All
 * are trained; the one most accurate on validation stays (of equals, the one with fewer new layers) and is frozen when the next
 * task comes.
 *
 * The base of each site is the first task's layer; later layers stand beside it as modules of the same kind, one of which takes
 * its place. The strategy sets routing to `assigned` and aggregation to `mixture`.
 *
 * Cost: L + 1 trainings per task after the first.
 *
 * @param options.neighbours k.
 * @param options.examples most training and validation examples that the prior looks at.
 * @throws HarnessError E_COMBINATION where a task has no validation examples.
 */
export const mntdp = define({
  kind: 'mntdp',
  summary: 'MNTDP-D: every task searches how many layers of the best earlier path to reuse, and adds the rest.',
  source: {
    cite: 'Veniat et al. 2021, deterministic search with the k-nearest-neighbour prior',
    url: 'https://arxiv.org/abs/2012.12631',
    deviations: ['one source path; the paper may keep several', 'Euclidean distance, ties by the nearer neighbour'],
  },
  options: {
    neighbours: z.int().min(1).default(15).describe('k of the prior'),
    examples: z.int().min(1).default(1000).describe('most examples of a split that the prior looks at'),
  },
  create: ({neighbours, examples}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network}) => frozenPaths(network, task.index),
    search: async function* (context) {
      if (context.task.index === 0) return null;
      const source = await bestSource(context, neighbours, examples);
      const candidates = branches(context, source.task);
      const trials: Trial[] = [];
      for (const candidate of candidates) trials.push(yield candidate);
      const accuracies = trials.map(({accuracy}) => accuracy ?? Number.NEGATIVE_INFINITY);
      const best = accuracies.indexOf(Math.max(...accuracies));
      const reason = `${source.reason}; validation accuracy by number of new layers: ${trials.map(({accuracy}) => accuracy?.toFixed(3) ?? 'not finite').join(', ')}`;
      const fresh = newOnTop(context.network.topology.sites.length, best);
      return {
        chosen: candidates[best]!.name,
        reason,
        growth: pathNotes(context, source.task, fresh, candidates[best]!.network, reason),
      };
    },
  }),
});

/** The candidates that branch off an earlier task's path: from all its layers to none. */
function branches(context: SearchContext, source: number): readonly Candidate[] {
  const count = context.network.topology.sites.length;
  return Array.from({length: count + 1}, (_, k) => {
    const fresh = newOnTop(count, k);
    const name = k === 0 ? 'only a new head' : `${k} of ${count} layers new`;
    return {name, network: onPath(withNewLayers(context, fresh), context.task.index, source, fresh)};
  });
}

/** Which layers are new where the uppermost so many are. */
function newOnTop(layers: number, fresh: number): readonly boolean[] {
  return Array.from({length: layers}, (_, i) => i >= layers - fresh);
}
