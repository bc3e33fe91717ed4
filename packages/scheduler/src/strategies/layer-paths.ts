import {assign, freeze, growModules, type Network, reroute, type Site} from '@accrete/core';
import {type Labelled, neighbourAccuracy} from './nearest-neighbours.ts';
import type {GrowthNote, Plan, SearchContext} from './strategy.ts';

/** A task's start where its network is a path of layers: routing by assignment at first, everything frozen after that. */
export function frozenPaths(network: Network, task: number): Plan {
  if (task === 0)
    return {network: reroute(network, {routing: {kind: 'assigned', modules: []}, aggregation: {kind: 'mixture'}})};
  const {network: still, frozen} = freeze(network, () => true);
  const reason = 'what earlier tasks learned never moves again';
  return {
    network: still,
    growth: [{change: 'freeze', modules: [...frozen], reason, parametersAdded: 0, bytesAdded: 0}],
  };
}

/**
 * The earlier task whose features serve the new data best: those of at most `most` training examples, by the k-nearest-neighbour rule
 * on as many validation examples. Of equals, the earliest.
 */
export async function bestSource(
  context: SearchContext,
  neighbours: number,
  most: number,
): Promise<{readonly task: number; readonly reason: string}> {
  const prior = await ranked(context, neighbours, most);
  const {task, accuracy} = prior.reduce((best, own) => (own.accuracy > best.accuracy ? own : best));
  const all = prior.map((own) => own.accuracy.toFixed(3)).join(', ');
  const rule = `${neighbours}-nearest-neighbour accuracy ${accuracy.toFixed(3)} of ${all}`;
  return {task, reason: `features of task ${task} serve best (${rule})`};
}

/** How well the features of each earlier task tell the classes of the new one apart. */
async function ranked(
  context: SearchContext,
  neighbours: number,
  most: number,
): Promise<readonly {readonly task: number; readonly accuracy: number}[]> {
  const {task, seeds} = context;
  const drawn = (part: 'train' | 'validation'): number[] => [
    ...seeds.fork(part).permutation(task.examples[part].length).slice(0, most),
  ];
  const [known, questions] = [drawn('train'), drawn('validation')];
  const along = async (
    earlier: number,
    part: 'train' | 'validation',
    chosen: readonly number[],
  ): Promise<Labelled> => ({
    ...(await context.featuresAlong(earlier, part, chosen)),
    labels: chosen.map((example) => context.labelOf(part, example)),
  });
  const ranked = [];
  for (let earlier = 0; earlier < task.index; earlier++) {
    const features = [await along(earlier, 'train', known), await along(earlier, 'validation', questions)] as const;
    ranked.push({task: earlier, accuracy: neighbourAccuracy(...features, neighbours)});
  }
  return ranked;
}

/** The network with new layers of the task's at some sites, each of the kind of its base. */
export function withNewLayers({task, network, seeds}: SearchContext, fresh: readonly boolean[]): Network {
  return network.topology.sites
    .filter((_, i) => fresh[i])
    .reduce<Network>(
      (before, {id, base}) =>
        growModules(before, {task: task.index, computation: base.computation, sites: [id]}, seeds.fork('init')).network,
      network,
    );
}

/** The network with a task's path written down: its own layer where it is fresh, that of an earlier task elsewhere. */
export function onPath(network: Network, task: number, source: number, fresh: readonly boolean[]): Network {
  const names = network.topology.sites.map((site, i): [string, readonly string[]] => [
    site.id,
    fresh[i] ? [String(task)] : layersOf(site, source),
  ]);
  return assign(network, task, Object.fromEntries(names));
}

/** Names of the modules that a task uses at a site; none where it uses the base. */
function layersOf({routing}: Site, task: number): readonly string[] {
  return (routing['modules'] as readonly (readonly string[])[])[task] ?? [];
}

/** What came and what is used again on a path that was chosen. */
export function pathNotes(
  {task, network}: SearchContext,
  source: number,
  fresh: readonly boolean[],
  chosen: Network,
  reason: string,
): readonly GrowthNote[] {
  const {sites} = network.topology;
  const reused = sites
    .filter((_, i) => !fresh[i])
    .map((site) => {
      const [name] = layersOf(site, source);
      return name === undefined ? site.base.id : `${site.id}/module:${name}`;
    });
  const added = sites.filter((_, i) => fresh[i]).map(({id}) => `${id}/module:${task.index}`);
  const weights = Object.entries(chosen.parameters)
    .filter(([path]) => added.some((id) => path.startsWith(`${id}/`)))
    .reduce((sum, [, {data}]) => sum + data.length, 0);
  const none = {parametersAdded: 0, bytesAdded: 0};
  return [
    ...(reused.length > 0 ? [{change: 'reuse' as const, modules: reused, reason, ...none}] : []),
    ...(added.length > 0
      ? [{change: 'add' as const, modules: added, reason, parametersAdded: weights, bytesAdded: weights * 4}]
      : []),
  ];
}
