import {type AnyDefinition, family} from '@accrete/kit';
import {largestLogit, lowestEntropy} from './by-logits.ts';
import {recognition} from './recognition.ts';
import {superposition} from './superposition.ts';
import type {TaskInference} from './task-inference.ts';

/** Ways to infer the task of an example where the scenario withholds it. All work on one example at a time. */
export const taskInferences = family<TaskInference>()('task inference', [
  lowestEntropy,
  largestLogit,
  superposition,
  recognition,
] as const satisfies readonly AnyDefinition<TaskInference>[]);
