import {type Network, withParameters} from '@accrete/core';
import {define, HarnessError, type HostArray, hostArray} from '@accrete/kit';
import * as z from 'zod';
import {trainingRows} from '../streams/stream.ts';
import {type AlongPathRequest, alongPath, type Lines} from '../training/along-path.ts';
import {leadingOutside, secondMoments, widened} from './input-subspace.ts';
import {ownClasses} from './own-classes.ts';
import type {Context, Strategy, StrategyState} from './strategy.ts';
import {summing, withLowRank} from './summed-low-rank.ts';

/**
 * Interference-free low-rank adaptation: every task after the first brings a low-rank module at each site, all of which are added
 * up; what a module reads is designed before training so that earlier tasks' inputs hardly reach it, and only what it writes is
 * learned.
 *
 *   delta = h A_t B_t,   A_t = U[:, :rank] / sqrt(3), fixed,   U S V^T = C_t - M M^T C_t,   B_t starts as 0
 *
 * C_t = E[h h^T] over the new task's inputs at the site, M an orthonormal basis that holds `share` of what all earlier tasks put in
 * there; it is widened after each task. The base, what the first task learned, and heads of earlier tasks are frozen; the loss
 * looks at the logits of the task's own classes only.
 *
 * Predictions need no task: all modules take part. The strategy sets routing to `up-to-task` and aggregation to `sum`.
 *
 * @param options.rank r of each module.
 * @param options.share of the second moments that the basis holds (epsilon in the paper, which raises it with the tasks); 0 keeps
 *   no basis: then A_t is where the task's own inputs spread most, whatever earlier ones are.
 * @param options.examples most training examples that inputs are measured by.
 *
 * Memory: the modules, and a basis per site.
 */
export const infLora = define({
  kind: 'inf-lora',
  summary: 'InfLoRA: low-rank modules that read what earlier tasks do not put in, by design; they add up.',
  source: {
    cite: 'Liang and Li 2024 (InfLoRA), section 3.2',
    url: 'https://arxiv.org/abs/2404.00228',
    deviations: [
      'the base is learned with the first task, not pre-trained',
      'the share is the same for every task: the number of tasks is not known beforehand',
      'a basis is kept as it is, never as its complement',
      'every dense site has modules, not keys and values alone',
    ],
  },
  options: {
    rank: z.int().min(1).default(8).describe('r of each module'),
    share: z.number().min(0).max(1).default(0.95).describe("of earlier tasks' inputs that modules do not read"),
    examples: z.int().min(1).default(500).describe('most training examples that inputs are measured by'),
  },
  create: ({rank, share, examples}): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: (context) => {
      const {index} = context.task;
      if (index === 0) return {network: summing(context.network)};
      const {network, added, growth} = withLowRank(context, {
        rank,
        still: () => true,
        reason: 'every task brings low-rank modules that read what earlier tasks do not put in',
      });
      checkMeasurable(network, index);
      return {network, still: added.map((id) => `${id}/down`), growth};
    },
    enter: async (context) => {
      const {task, network, state} = context;
      if (task.index === 0) return {};
      const inputs = await siteInputs(context, examples);
      const designed = network.topology.sites.flatMap(({id}) => {
        const path = `${id}/module:${task.index}/down`;
        const array = network.parameters[path];
        if (!array) return [];
        const width = array.shape[0]!;
        const directions = leadingOutside(secondMoments(inputs[id]!), width, basisOf(state, id), rank);
        return [[path, reading(directions, array.shape)] as const];
      });
      return {network: withParameters(network, Object.fromEntries(designed))};
    },
    step: ownClasses,
    consolidate: async (context) => {
      const {state, network} = context;
      if (share === 0) return {};
      const inputs = await siteInputs(context, examples);
      const bases = network.topology.sites
        .filter(({base}) => `${base.id}/kernel` in network.parameters)
        .map(({id}) => {
          const {width} = inputs[id]!;
          const basis = widened(basisOf(state, id), secondMoments(inputs[id]!), width, share);
          const flat = Float32Array.from(basis.flatMap((direction) => [...direction]));
          return [basisName(id), hostArray(flat, [basis.length, width], 'float32')] as const;
        });
      return {state: {values: state.values, arrays: {...state.arrays, ...Object.fromEntries(bases)}}};
    },
  }),
});

function checkMeasurable({topology, parameters}: Network, task: number): void {
  for (const {id, base} of topology.sites) {
    const read = parameters[`${id}/module:${task}/down`]?.shape[0] ?? base.inputs;
    if (read === base.inputs) continue;
    const message = `inf-lora measures what reaches ${id}, features of one position at a time, but a module there reads ${read} numbers, not ${base.inputs}. Use a network of dense layers.`;
    throw new HarnessError('E_COMBINATION', message, {site: id});
  }
}

const basisName = (site: string): string => `basis/${site}`;

function basisOf({arrays}: StrategyState, site: string): readonly Float64Array[] {
  const kept = arrays[basisName(site)];
  if (!kept) return [];
  const [count, width] = kept.shape as [number, number];
  return Array.from({length: count}, (_, k) => Float64Array.from(kept.data.subarray(k * width, (k + 1) * width)));
}

/** A [inputs, rank] with the directions as columns, over sqrt(3). */
function reading(directions: readonly Float64Array[], shape: readonly number[]): HostArray<'float32'> {
  const [inputs, rank] = shape as [number, number];
  const values = Float32Array.from({length: inputs * rank}, (_, at) => {
    const direction = directions[at % rank];
    return direction ? direction[Math.floor(at / rank)]! / Math.sqrt(3) : 0;
  });
  return hostArray(values, shape, 'float32');
}

/** What reaches every site for examples of the task, one line per example and position. */
async function siteInputs(request: Context & AlongPathRequest, most: number): Promise<Readonly<Record<string, Lines>>> {
  const {task, seeds, network} = request;
  const chosen = seeds.fork('examples').permutation(task.examples.train.length).slice(0, most);
  const all = trainingRows(task);
  const rows = [...chosen].map((place) => all[place]!);
  const found = await alongPath(request, rows, {name: 'site inputs', key: null, read: ({hidden}) => hidden});
  const features = new Map(network.topology.sites.map(({id, base}) => [id, base.inputs]));
  return Object.fromEntries(
    Object.entries(found).map(([id, {data}]) => [id, {width: features.get(id)!, data}] as const),
  );
}
