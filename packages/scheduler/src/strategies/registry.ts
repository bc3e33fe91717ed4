import {type AnyDefinition, family} from '@accrete/kit';
import {cumulative} from './cumulative.ts';
import {ewc} from './ewc.ts';
import {frozenBase} from './frozen-base.ts';
import {grow} from './grow.ts';
import {independent} from './independent.ts';
import {joint} from './joint.ts';
import {lwf} from './lwf.ts';
import {mas} from './mas.ts';
import {packnet} from './packnet.ts';
import {replay} from './replay.ts';
import {si} from './si.ts';
import type {Strategy} from './strategy.ts';

/** Continual-learning strategies. Plain fine-tuning is the empty list. */
export const strategies = family<Strategy>()('strategy', [
  joint,
  replay,
  ewc,
  packnet,
  grow,
  mas,
  si,
  lwf,
  cumulative,
  independent,
  frozenBase,
] as const satisfies readonly AnyDefinition<Strategy>[]);
