import {allOwners, type Network, type Owner, withParameters} from '@accrete/core';
import type {HostArray} from '@accrete/kit';
import type {StrategyState} from './strategy.ts';

/** True for what makes up a task's own network: everything that moves, but for heads, which are per task anyway. */
export const isOwn = ({id, frozen}: Owner): boolean => !frozen && !id.startsWith('head/');

const prefixOf = (task: number): string => `task:${task}/`;

/** A task's network as entries for a state's arrays. */
export function ownNetwork(network: Network, task: number): Readonly<Record<string, HostArray>> {
  const owned = allOwners(network.topology)
    .filter(isOwn)
    .map(({id}) => `${id}/`);
  const own = Object.entries(network.parameters).filter(([path]) => owned.some((prefix) => path.startsWith(prefix)));
  return Object.fromEntries(own.map(([path, array]) => [`${prefixOf(task)}${path}`, array]));
}

/** The network with the parameters that a state has for a task; as it is where it has none. */
export function networkOfTask(network: Network, {arrays}: StrategyState, task: number): Network {
  const prefix = prefixOf(task);
  const kept = Object.entries(arrays).filter(([name]) => name.startsWith(prefix));
  const named = kept.map(([name, array]) => [name.slice(prefix.length), array as HostArray<'float32'>] as const);
  return withParameters(network, Object.fromEntries(named));
}
