import type {Network} from '@accrete/core';
import {hostArray, type SeedStream} from '@accrete/kit';
import {best} from '../extract/ranking.ts';
import {applyPlan} from '../plan/apply.ts';
import type {Part, Plan} from '../plan/plan.ts';
import {supportOf, union} from '../plan/sets.ts';
import {ones} from '../plan/size.ts';

/** What a module is compared with. */
export interface Control {
  readonly subject: 'random' | 'magnitude';
  readonly plan: Plan;
}

/**
 * The controls of a module of masks: random masks, and the mask of the largest weights. None for one of changes alone, whose
 * controls must be trained as it was.
 */
export function controlsOf(network: Network, plan: Plan, seeds: SeedStream, randomDraws: number): readonly Control[] {
  if (!Object.values(plan.parts).some(({mask}) => mask)) return [];
  const random = Array.from({length: randomDraws}, (_, draw) => randomLike(plan, seeds.fork(draw)));
  return [
    ...random.map((drawn): Control => ({subject: 'random', plan: drawn})),
    {subject: 'magnitude', plan: magnitudeLike(network, plan)},
  ];
}

/** A random mask with as many weights as the plan has, in every parameter. */
export function randomLike(plan: Plan, seeds: SeedStream): Plan {
  return masksLike(plan, 'random', (path, size) => {
    const order = seeds.fork(path).permutation(size);
    return Float32Array.from(order);
  });
}

/** The mask of the largest weights with as many of them as the plan has, in every parameter. */
export function magnitudeLike(network: Network, plan: Plan): Plan {
  return masksLike(plan, 'magnitude', (path) => network.parameters[path]!.data.map(Math.abs));
}

function masksLike(plan: Plan, kind: string, scores: (path: string, size: number) => Float32Array): Plan {
  const parts = Object.keys(plan.parts).map((path): [string, Part] => {
    if (!plan.parts[path]?.mask) return [path, {}];
    const support = supportOf(plan, path);
    const chosen = best(scores(path, support.data.length), ones(support.data));
    return [path, {mask: hostArray(chosen, support.shape, 'bool')}];
  });
  return {...plan, method: {kind}, parts: Object.fromEntries(parts), partitions: []};
}

/** Whether weights can be taken out of the network they were found in: of masks alone they can. @returns why not, or null. */
export function whyNotRemovable(plan: Plan): string | null {
  const masked = Object.values(plan.parts).some(({mask}) => mask);
  if (Object.values(plan.parts).some(({delta}) => delta))
    return 'the module changes weights, so the network without it is not the base';
  return masked ? null : 'the module has no mask';
}

/** The network with two modules: the union of masks, or the sum of changes; null where one masks and changes at once, or they differ in kind. */
export function together(network: Network, first: Plan, second: Plan): Network | null {
  const parts = [...Object.values(first.parts), ...Object.values(second.parts)];
  if (parts.every(({delta}) => !delta)) return applyPlan(network, union(first, second));
  if (parts.some(({mask}) => mask)) return null;
  return applyPlan(applyPlan(network, first), second, {otherBase: true});
}
