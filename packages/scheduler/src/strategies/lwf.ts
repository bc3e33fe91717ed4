import {oneHot, type Path} from '@accrete/core';
import {define, type HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Task} from '../streams/stream.ts';
import {movable} from './movable.ts';
import {nothing} from './quadratic-pull.ts';
import type {Context, StepPart, Strategy} from './strategy.ts';

const nonNegative = z.number().min(0);

/**
 * Learning without forgetting: on the images of the task under way, the logits of earlier tasks are to stay what the network
 * as it was at the task's start (the teacher) makes of them. No example of an earlier task is kept.
 *
 *   penalty = strength * temperature^2 * mean_n sum_g -sum_c p[n][g][c] * log q[n][g][c]          [nats]
 *   p = softmax(teacher logits / temperature), q = softmax(logits / temperature)
 *
 * over the rows n of the batch (rehearsed ones, too) and groups g of logits of classes of earlier tasks: each old head by itself where
 * heads are per task; all of them under one softmax elsewhere, where columns of classes still to come are left out.
 * temperature^2 keeps the size of the gradient when the temperature changes. The penalty is a cross-entropy: at its least,
 * where nothing is forgotten, it is the teacher's entropy, not 0.
 *
 * With `taskLoss: share` the cross-entropy of task t, counted from 0, is divided by t + 1, so that the new task has the weight
 * that a task has among all.
 *
 * @param options.strength lambda_o in the paper; 0 equals fine-tuning bit for bit (tested). A list has one per task; its last one
 *   holds for all tasks after it.
 * @param options.temperature T in the paper; 1 compares the predictions as they are.
 *
 * Memory: parameters * 4 bytes, within a task only. Every step runs the teacher, too.
 */
export const lwf = define({
  kind: 'lwf',
  summary: 'Learning without forgetting: distillation from the network as it was at the start of the task.',
  source: {
    cite: 'Li and Hoiem 2016; van de Ven and Tolias 2018 for the share',
    url: 'https://arxiv.org/abs/1606.09282',
    deviations: [
      'no warm-up of the new head alone',
      'the teacher runs on every batch; the paper records its outputs before training',
      'softened by softmax(logits / temperature) and scaled by temperature^2, as Hinton et al. 2015 do',
    ],
  },
  options: {
    strength: z
      .union([nonNegative, z.array(nonNegative).min(1)])
      .default(1)
      .describe('lambda_o; or one per task, the last one for all after it'),
    temperature: z.number().gt(0).default(2).describe('T; 1 compares the predictions as they are'),
    taskLoss: z
      .enum(['whole', 'share'])
      .default('whole')
      .describe('what the cross-entropy counts for: 1, or 1 / tasks so far'),
  },
  create: ({strength: given, temperature, taskLoss}): Strategy => {
    const strengths = Array.isArray(given) ? given : [given];
    const strengthOf = ({index}: Task): number => (index === 0 ? 0 : (strengths[index] ?? strengths.at(-1)!));
    return {
      taskSpecific: false,
      mixesTasks: false,
      needsOldHeads: strengths.some((one) => one > 0),
      rehearsalRows: 0,
      plan: ({task, network, state}) => {
        if (strengthOf(task) === 0) return {};
        const teacher = Object.entries(movable(network)).map(([path, array]) => [`teacher/${path}`, array] as const);
        return {state: {values: state.values, arrays: Object.fromEntries(teacher)}};
      },
      step: (context) => {
        const strength = strengthOf(context.task);
        const part = strength === 0 ? nothing : distillation(context, strength, temperature);
        const tasks = context.task.index + 1;
        if (taskLoss === 'whole' || tasks === 1) return part;
        return {...part, key: {part: part.key, tasks}, losses: ({losses}) => tf.div(losses, tasks)};
      },
      consolidate: async ({state}) => ({state: {values: state.values, arrays: {}}}),
    };
  },
});

function distillation(
  {
    stream,
    task,
    network,
    state,
    path,
    trainable,
  }: Context & {readonly path: Path; readonly trainable: readonly string[]},
  strength: number,
  temperature: number,
): StepPart {
  const old = [...path.segments.keys()].filter((k) => path.segments[k]!.task !== task.index);
  const learned = new Set(stream.tasks.slice(0, task.index).flatMap(({classes}) => classes));
  const columns = old.flatMap((k) => path.segments[k]!.classes.map((label) => ({k, known: learned.has(label)})));
  const groups = network.topology.head.kind === 'per-task' ? old.map((k) => among(columns, k)) : [among(columns)];
  const inputs: Record<string, HostArray> = {};
  for (const local of trainable) {
    const array = state.arrays[`teacher/${path.bind[local]}`];
    if (array) inputs[local] = array;
  }
  return {
    key: {lwf: [strength, temperature], old, groups, taught: Object.keys(inputs)},
    inputs,
    term: ({parameters, weights, logitsOf, inputs: teacher}) => {
      // What does not move is the same in both.
      const wanted = logitsOf({...parameters, ...teacher}, old);
      const found = logitsOf(parameters, old);
      const losses = groups.map((group) => {
        const own = oneHot(tf.tensor1d(group, 'int32'), columns.length); // [columns of the group, columns]
        const soft = (logits: tf.Tensor) =>
          tf.logSoftmax(tf.div(tf.matMul(logits, own, false, true), temperature) as tf.Tensor2D);
        return tf.neg(tf.sum(tf.mul(tf.exp(soft(wanted)), soft(found)), 1)); // [batch]
      });
      const mean = tf.div(tf.sum(tf.mul(tf.addN(losses), weights)), tf.sum(weights));
      return tf.mul(mean, strength * temperature ** 2);
    },
  };
}

interface Column {
  /** The segment that it belongs to. */
  readonly k: number;
  /** Whether its class has been in an earlier task. */
  readonly known: boolean;
}

/** Places of the columns whose classes the teacher knows, of one segment or of all. */
function among(columns: readonly Column[], k?: number): number[] {
  return [...columns.keys()].filter((at) => columns[at]!.known && (k === undefined || columns[at]!.k === k));
}
