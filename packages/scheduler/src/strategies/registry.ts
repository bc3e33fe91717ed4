import {type AnyDefinition, family} from '@accrete/kit';
import {ewc} from './ewc.ts';
import {grow} from './grow.ts';
import {joint} from './joint.ts';
import {packnet} from './packnet.ts';
import {replay} from './replay.ts';
import type {Strategy} from './strategy.ts';

/** Continual-learning strategies. Plain fine-tuning is the empty list. */
export const strategies = family<Strategy>()('strategy', [
  joint,
  replay,
  ewc,
  packnet,
  grow,
] as const satisfies readonly AnyDefinition<Strategy>[]);
