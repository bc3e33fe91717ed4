import {type AnyDefinition, family} from '@accrete/kit';
import type {Aggregator} from './aggregator.ts';
import {concatenation} from './concatenation.ts';
import {sum} from './sum.ts';

/** Aggregation functions: how the outputs of modules and base become one. */
export const aggregators = family<Aggregator>()('aggregator', [
  sum,
  concatenation,
] as const satisfies readonly AnyDefinition<Aggregator>[]);
