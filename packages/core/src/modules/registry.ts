import {type AnyDefinition, family} from '@accrete/kit';
import {dense} from './dense.ts';
import {lowRank} from './low-rank.ts';
import type {Computation} from './module.ts';

/** Computation functions: what a module may be. */
export const computations = family<Computation>()('module', [
  dense,
  lowRank,
] as const satisfies readonly AnyDefinition<Computation>[]);
