import type {EventOf, HostArray} from '@accrete/kit';
import type {Path} from '../network/path.ts';
import {entropy} from './scores.ts';

/** How one site's router shared out the examples of one task: a `routing` event without what a log adds. */
export type RoutingSummary = Omit<EventOf<'routing'>, 'type' | 'seq' | 'time' | 'afterTask'>;

/** Counts how routers share out examples among modules, by site and the examples' task. */
export interface RoutingTally {
  /**
   * @param alpha of one site: [modules], [batch, modules] or [batch, ..., modules].
   * @param tasks index of each row's task, of the first rows of the batch; null for a row that does not count.
   */
  add(
    path: Pick<Path, 'modules'>,
    site: string,
    alpha: Pick<HostArray<'float32'>, 'data' | 'shape'>,
    tasks: readonly (number | null)[],
  ): void;
  /** What was counted, by site and task. A task none of whose examples is served has no entry. */
  summary(): readonly RoutingSummary[];
}

interface Sums {
  readonly load: Float64Array;
  entropy: number;
  examples: number;
  /** Rows that count, served or not. */
  rows: number;
  /** Sum over rows of the share of positions that no module serves. */
  unserved: number;
}

/**
 * A tally of nothing.
 *
 *   w[n][j] = |alpha[n][j]| / sum_k |alpha[n][k]|       load[j] = mean_n w[n][j]       entropy = mean_n -sum_j w[n][j] ln w[n][j]
 *
 * Scores by token are taken as the mean of their w over an example's positions; an example without any weight counts for none
 * but `unserved`, the mean over all examples of the share of positions at which every score is 0.
 */
export function routingTally(): RoutingTally {
  const sites = new Map<string, {modules: readonly string[]; readonly tasks: Map<number, Sums>}>();
  const sumsOf = (tasks: Map<number, Sums>, task: number, width: number): Sums => {
    const sums = tasks.get(task) ?? {load: new Float64Array(width), entropy: 0, examples: 0, rows: 0, unserved: 0};
    tasks.set(task, sums);
    return sums;
  };
  return {
    add: (path, site, {data, shape}, tasks) => {
      const width = shape.at(-1)!;
      const positions = shape.slice(1, -1).reduce((product, size) => product * size, 1);
      const counted = sites.get(site) ?? {modules: [], tasks: new Map<number, Sums>()};
      counted.modules = path.modules.filter((id) => id.startsWith(`${site}/module:`));
      sites.set(site, counted);
      tasks.forEach((task, n) => {
        if (task === null) return;
        const first = shape.length === 1 ? 0 : n * positions * width;
        const {shares, served} = sharesOfExample(data, first, positions, width);
        const sums = sumsOf(counted.tasks, task, width);
        sums.rows++;
        sums.unserved += 1 - served / positions;
        if (served === 0) return;
        sums.examples++;
        sums.entropy += entropy(shares);
        shares.forEach((share, j) => {
          sums.load[j]! += share;
        });
      });
    },
    summary: () =>
      [...sites].flatMap(([site, {modules, tasks}]) =>
        [...tasks].flatMap(([evalTask, sums]) => {
          const {examples, rows, unserved} = sums;
          if (examples === 0) return [];
          const load = Array.from(sums.load, (sum) => sum / examples);
          const mean = Math.max(0, sums.entropy / examples);
          return [{evalTask, site, modules: [...modules], load, entropy: mean, examples, unserved: unserved / rows}];
        }),
      ),
  };
}

/** w of one example, and at how many of its positions some score is not 0. */
function sharesOfExample(data: Float32Array, first: number, positions: number, width: number) {
  const shares = new Float64Array(width);
  let served = 0;
  for (let at = first; at < first + positions * width; at += width) {
    let total = 0;
    for (let j = 0; j < width; j++) total += Math.abs(data[at + j]!);
    if (!(total > 0)) continue;
    served++;
    for (let j = 0; j < width; j++) shares[j]! += Math.abs(data[at + j]!) / total;
  }
  if (served > 0) for (let j = 0; j < width; j++) shares[j]! /= served;
  return {shares, served};
}
