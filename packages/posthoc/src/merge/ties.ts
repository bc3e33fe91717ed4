import {define} from '@accrete/kit';
import * as z from 'zod';
import type {ArrayFamily, Elementwise} from './array-family.ts';
import {elementwiseMerger, type Merger} from './merger.ts';
import {type SizeLimit, sizeLimits} from './size-limit.ts';

/** Numbers that are worked on at once: what is kept of them stays in the processor's cache. */
const BLOCK = 1 << 13;

/**
 * TIES: trim, elect sign, disjoint merge.
 *
 *   1. of every task vector tau_t keep exactly round(density n) entries with the largest |tau|, over all parameters together
 *   2. sign of every weight: gamma = sign(sum_t tau_t); where the sum is 0, the sign of the sum of all gammas
 *   3. tau = mean of the tau_t that are not 0 and have that sign; theta = theta_0 + scale tau
 *
 * Works through the parameters one by one, in blocks: beside the result it holds no copy of them.
 *
 * Source: Yadav et al. 2023, https://arxiv.org/abs/2306.01708, algorithm 1, and the authors' code, which keeps one entry more
 * and fails at density 1.
 */
export const ties = define({
  kind: 'ties',
  summary: 'Trim task vectors, elect a sign per weight, average what agrees.',
  source: {
    cite: 'Yadav et al. 2023, algorithm 1',
    url: 'https://arxiv.org/abs/2306.01708',
    deviations: ['the count of kept entries is exact, equal sizes go by place'],
  },
  options: {
    density: z.number().gt(0).max(1).default(0.2).describe('share of every task vector that is kept (K)'),
    scale: z.number().default(1).describe('lambda; chosen on validation data'),
  },
  create: ({density, scale}): Merger => elementwiseMerger(true, tiesOf(density, scale)),
});

function tiesOf(density: number, scale: number): Elementwise {
  return (arrays, write) => {
    const limits = sizeLimits(arrays, density);
    const left = limits.map(({ties: atLimit}) => atLimit);
    let signs = 0;
    const undecided: {readonly name: string; readonly left: readonly number[]}[] = [];
    for (const name of arrays.names) {
      const before = [...left];
      const merged = mergedArray(arrays, name, limits, left, scale, 0);
      signs += merged.signs;
      if (merged.cancelled > 0) undecided.push({name, left: before});
      write(name, merged.data);
    }
    // Weights whose changes cancel take the sign of most others, which is known only now.
    const majority = Math.sign(signs);
    if (majority === 0 || scale === 0) return;
    for (const {name, left: before} of undecided)
      write(name, mergedArray(arrays, name, limits, [...before], scale, majority).data);
  };
}

/** Sums and counts of the kept changes of a block, upwards and downwards. Shared: merging is synchronous. */
const up = new Float64Array(BLOCK);
const down = new Float64Array(BLOCK);
const ups = new Uint32Array(BLOCK);
const downs = new Uint32Array(BLOCK);

/**
 * Merges an array.
 *
 * @param left how many entries at the limit each network may still keep; counted down.
 * @param majority the sign of weights whose changes cancel; 0 leaves them where they were.
 * @returns also the sum of the signs elected, and how many weights have changes that cancel.
 */
function mergedArray(
  arrays: ArrayFamily,
  name: string,
  limits: readonly SizeLimit[],
  left: number[],
  scale: number,
  majority: number,
): {readonly data: Float32Array; readonly signs: number; readonly cancelled: number} {
  const start = arrays.base(name);
  const own = limits.map((_, network) => arrays.of(network, name));
  const data = start.slice();
  let [signs, cancelled] = [0, 0];
  for (let from = 0; from < data.length; from += BLOCK) {
    const length = Math.min(BLOCK, data.length - from);
    for (const sums of [up, down, ups, downs]) sums.fill(0, 0, length);
    for (const [network, {limit}] of limits.entries())
      left[network] = addKept(start, own[network]!, from, length, limit, left[network]!);
    for (let i = 0; i < length; i++) {
      if (ups[i] === 0 && downs[i] === 0) continue;
      const total = up[i]! + down[i]!;
      if (total === 0) cancelled++;
      const sign = total > 0 ? 1 : total < 0 ? -1 : majority;
      if (total !== 0) signs += sign;
      if (sign === 0 || scale === 0) continue;
      const mean = sign > 0 ? up[i]! / ups[i]! : down[i]! / downs[i]!;
      data[from + i] = start[from + i]! + scale * mean;
    }
  }
  return {data, signs, cancelled};
}

/** Adds what is kept of one task vector to the sums of a block. @returns how many more may be kept at the limit. */
function addKept(
  start: Float32Array,
  own: Float32Array,
  from: number,
  length: number,
  limit: number,
  left: number,
): number {
  let more = left;
  for (let i = 0; i < length; i++) {
    const change = own[from + i]! - start[from + i]!;
    const size = Math.fround(Math.abs(change));
    if (size < limit || change === 0) continue;
    if (size === limit) {
      if (more === 0) continue;
      more--;
    }
    if (change > 0) {
      up[i] = up[i]! + change;
      ups[i] = ups[i]! + 1;
    } else {
      down[i] = down[i]! + change;
      downs[i] = downs[i]! + 1;
    }
  }
  return more;
}
