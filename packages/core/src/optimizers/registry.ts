import {type AnyDefinition, family} from '@accrete/kit';
import {adam, adamw} from './adam.ts';
import type {Optimizer} from './optimizer.ts';
import {rmsprop} from './rmsprop.ts';
import {sgd} from './sgd.ts';

/** Optimisers. */
export const optimizers = family<Optimizer>()('optimizer', [
  sgd,
  adam,
  adamw,
  rmsprop,
] as const satisfies readonly AnyDefinition<Optimizer>[]);
