import {freeze, type Grown, type Network, type Owner} from '@accrete/core';
import type {SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import type {Context, GrowthNote, Plan} from './strategy.ts';

/** The option that says where the numbers of a frozen encoder come from. */
export const encoder = z
  .enum(['first-task', 'given'])
  .default('first-task')
  .describe('what the frozen encoder is: what the first task made of it, or what the run starts from');

/** Prompts of a method on a frozen encoder. */
export interface Prompting {
  readonly encoder: 'first-task' | 'given';
  /** The network with the method's routing, before any module stands. */
  route(network: Network): Network;
  /** What a task brings; null where it brings nothing. @param first whether it is the first with prompts */
  grow(network: Network, task: number, first: boolean, seeds: SeedStream): Grown | null;
  /** Why modules come, for the log. */
  readonly reason: string;
  /** What all tasks go on training, beside what they bring. */
  shared(owner: Owner): boolean;
}

/**
 * A task's plan on a frozen encoder: the bases stand still, and so do prompts, gates and head segments of earlier tasks that are not
 * shared. The first task trains the encoder by itself where that does not come from elsewhere, and has no prompts.
 *
 * @throws HarnessError E_COMBINATION at the first task where the prompts can stand nowhere.
 */
export function promptedPlan(context: Context, {encoder, route, grow, reason, shared}: Prompting): Plan {
  const {task, network, seeds} = context;
  const first = encoder === 'given' ? 0 : 1;
  if (task.index < first) {
    grow(route(network), first, true, seeds); // A place that cannot take prompts is refused before any training.
    return {};
  }
  const routed = task.index === first ? route(network) : network;
  const earlier = (owner: Owner): boolean => owner.task !== null && owner.task < task.index && !shared(owner);
  const {network: still, frozen} = freeze(routed, (owner) => owner.id.endsWith('/base') || earlier(owner));
  const grown = grow(still, task.index, task.index === first, seeds.fork('init'));
  const growth: GrowthNote[] = [];
  if (frozen.length > 0) {
    const why = 'the encoder stands still, and so does what earlier tasks brought for themselves';
    growth.push(growthNote('freeze', frozen, why));
  }
  if (grown !== null) growth.push(growthNote('add', grown.added, reason, grown.parametersAdded));
  return {network: grown?.network ?? still, growth};
}
