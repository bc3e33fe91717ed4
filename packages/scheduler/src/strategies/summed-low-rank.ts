import {freeze, type Grown, growModules, type Network, type Owner, reroute} from '@accrete/core';
import {growthNote} from './growth-note.ts';
import type {Context, Plan} from './strategy.ts';

/** The network, before any module stands, with routing and aggregation that add up the modules of all tasks so far. */
export function summing(network: Network): Network {
  return reroute(network, {routing: {kind: 'up-to-task'}, aggregation: {kind: 'sum'}});
}

/** What a task after the first brings where low-rank modules add up. */
export interface LowRankGrowth {
  readonly rank: number;
  /** What of the network stands still from here on. */
  still(owner: Owner): boolean;
  /** Why modules come, for the log. */
  readonly reason: string;
}

/** Freezes what earlier tasks learned and brings a low-rank module at each site. */
export function withLowRank(
  {task, network, seeds}: Context,
  {rank, still, reason}: LowRankGrowth,
): Grown & Required<Pick<Plan, 'growth'>> {
  const {network: held, frozen} = freeze(network, still);
  const computation = {kind: 'low-rank', rank, scale: null, down: 'learned'};
  const grown = growModules(held, {task: task.index, computation}, seeds.fork('init'));
  const growth = [
    growthNote('freeze', frozen, 'what earlier tasks learned never moves'),
    growthNote('add', grown.added, reason, grown.parametersAdded),
  ];
  return {...grown, growth};
}
