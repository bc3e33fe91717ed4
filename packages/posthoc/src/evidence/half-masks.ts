import type {SeedStream} from '@accrete/kit';
import type {Plan} from '../plan/plan.ts';
import {maskedPaths} from '../plan/sets.ts';

/** Most halves that are tried, with what is left each. */
const MOST = 5;

/**
 * A plan's masks on a random half of its parameters only, and on the other half, for up to five halves.
 *
 * What a module lacks and its halves lack too is information; what only the whole lacks may be that a mask disturbs the statistics of
 * activations, the more so the more layers it is on. Both halves of a module that is one keep its accuracy.
 *
 * @returns pairs one after the other; none where fewer than two parameters are masked.
 *
 * Source: Csordas et al. 2021, https://arxiv.org/abs/2010.02066, half-mask test of the authors' code.
 */
export function halfMasks(plan: Plan, seeds: SeedStream): readonly Plan[] {
  const paths = maskedPaths(plan);
  if (paths.length < 2) return [];
  const size = Math.floor(paths.length / 2);
  const halves = new Map<string, readonly string[]>();
  for (let draw = 0; draw < 4 * MOST && halves.size < MOST; draw++) {
    const order = [...seeds.fork('half', draw).permutation(paths.length)];
    const half = order.slice(0, size).map((i) => paths[i]!);
    halves.set([...half].sort().join(), half);
  }
  const only = (chosen: ReadonlySet<string>): Plan => {
    const parts = Object.entries(plan.parts).filter(([path, {mask}]) => !mask || chosen.has(path));
    return {...plan, parts: Object.fromEntries(parts)};
  };
  return [...halves.values()].flatMap((half) => [
    only(new Set(half)),
    only(new Set(paths.filter((path) => !half.includes(path)))),
  ]);
}
