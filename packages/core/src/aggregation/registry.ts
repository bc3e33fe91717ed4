import {type AnyDefinition, family} from '@accrete/kit';
import type {Aggregator} from './aggregator.ts';
import {attentionFusion} from './attention-fusion.ts';
import {concatenation} from './concatenation.ts';
import {inputConcatenation} from './input-concatenation.ts';
import {mixture} from './mixture.ts';
import {parameterAverage} from './parameter-average.ts';
import {program} from './program.ts';
import {sequence} from './sequence.ts';
import {stack} from './stack.ts';
import {sum} from './sum.ts';

/** Aggregation functions: how the outputs of modules and base become one. */
export const aggregators = family<Aggregator>()('aggregator', [
  sum,
  concatenation,
  mixture,
  attentionFusion,
  parameterAverage,
  inputConcatenation,
  stack,
  sequence,
  program,
] as const satisfies readonly AnyDefinition<Aggregator>[]);
