import {define, HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Task} from '../streams/stream.ts';
import {bufferOf, drawnSlots} from './buffer.ts';
import {memoryByTask} from './memory-by-task.ts';
import type {Strategy} from './strategy.ts';

/**
 * Gradient episodic memory: the gradient closest to that of the batch which raises the loss of no earlier task on its
 * remembered examples.
 *
 *   g' = argmin_x ||x - g||^2 / 2   such that x . r[t] >= 0 for every earlier task t
 *      = g + sum_t v[t] r[t],   v = argmin_{v >= margin} v' R R' v / 2 + (R g)' v          wherever some r[t] . g < 0
 *
 * r[t]: gradient of the task loss over remembered examples of task t, the rows of R. The dual has one number per earlier
 * task; it is solved within the step by a fixed number of accelerated projected-gradient steps, on rows scaled to length 1.
 *
 * @param options.perTask examples kept of each task (m in the paper); 0 equals fine-tuning bit for bit (tested).
 * @param options.batchSize rows that join a batch, shared evenly among the earlier tasks, no more of one than are kept: from `perTask`
 *   times the earlier tasks on, every step looks at all that is remembered.
 * @param options.margin least v (gamma in the paper): above 0 it favours the earlier tasks.
 * @throws HarnessError E_COMBINATION from the first plan where a batch has no row for every earlier task.
 *
 * Step time grows with the number of tasks: every earlier one costs a gradient.
 */
export const gem = define({
  kind: 'gem',
  summary: 'Gradient episodic memory: the gradient is projected so that the loss of no earlier task rises.',
  source: {
    cite: 'Lopez-Paz and Ranzato 2017 (GEM)',
    url: 'https://arxiv.org/abs/1706.08840',
    deviations: [
      "a task's memory is a uniform sample of its examples, not the last ones",
      'where batchSize is smaller than the memories, a step looks at a draw from them',
      'the quadratic programme is solved by a fixed number of first-order steps',
    ],
  },
  options: {
    perTask: z.int().min(0).describe('m: examples kept of each task'),
    batchSize: z.int().min(1).default(128).describe('rows that join a batch, shared among the earlier tasks'),
    margin: z.number().min(0).default(0.5).describe('gamma: favours the earlier tasks'),
  },
  create: ({perTask, batchSize, margin}): Strategy => {
    const base = {taskSpecific: false, mixesTasks: perTask > 0, rehearsalRows: perTask === 0 ? 0 : batchSize};
    if (perTask === 0) return base;
    const memory = memoryByTask(perTask, 'reservoir');
    const shareOf = ({index}: Task): number => Math.min(perTask, Math.floor(batchSize / Math.max(1, index)));
    return {
      ...base,
      ...memory,
      plan: (context) => {
        checkShares(batchSize, context.stream.tasks.length - 1);
        return memory.plan(context);
      },
      rehearse: ({task, state, seeds}) => {
        const {rows} = bufferOf(state);
        const byTask = Array.from({length: task.index}, (_, index) => rows.filter((row) => row.task === index));
        return {rows: byTask.flatMap((own) => drawnSlots(own.length, shareOf(task), seeds).map((slot) => own[slot]!))};
      },
      step: ({task, rehearsed}) => {
        if (task.index === 0) return {key: 'nothing remembered', inputs: {}, apart: rehearsed};
        const share = shareOf(task);
        const spans = Array.from({length: task.index}, (_, t) => ({from: rehearsed.from + t * share, rows: share}));
        return {
          key: {gem: margin, tasks: task.index},
          inputs: {},
          apart: rehearsed,
          direct: (gradients, {gradientsOf}) =>
            nearest(
              gradients,
              spans.map((span) => gradientsOf(span)),
              margin,
            ),
        };
      },
    };
  },
});

/** Steps of the dual's solver. On scaled rows its error falls by at least the square of this number. */
const ITERATIONS = 100;

type Gradients = Readonly<Record<string, tf.Tensor>>;

function nearest(gradients: Gradients, references: readonly Gradients[], margin: number): Gradients {
  const locals = Object.keys(gradients);
  const flat = (given: Gradients) =>
    tf.concat(
      locals.map((local) => tf.reshape(given[local]!, [1, -1])),
      1,
    );
  const rows = tf.concat(references.map(flat), 0); // R, [tasks, weights]
  const products = tf.matMul(rows, flat(gradients), false, true); // R g, [tasks, 1]
  const gram = tf.matMul(rows, rows, false, true);
  const lengths = tf.sqrt(tf.maximum(tf.sum(tf.square(rows), 1, true), TINY)); // [tasks, 1]
  const duals = dualSolution(
    tf.div(gram, tf.matMul(lengths, lengths, false, true)),
    tf.div(products, lengths),
    tf.mul(lengths, margin),
  );
  const wanted = tf.matMul(tf.div(duals, lengths), rows, true); // v' R, [1, weights]
  const violated = tf.cast(tf.any(tf.less(products, 0)), 'float32');
  let start = 0;
  const moved = locals.map((local) => {
    const gradient = gradients[local]!;
    const added = tf.reshape(tf.slice(wanted, [0, start], [1, gradient.size]), gradient.shape);
    start += gradient.size;
    return [local, tf.add(gradient, tf.mul(added, violated))] as const;
  });
  return Object.fromEntries(moved);
}

const TINY = 1e-20;

/**
 * argmin_{u >= least} u' Q u / 2 + c' u for a Q with a diagonal of 1, whose largest eigenvalue is at most its size.
 *
 * Source: Beck and Teboulle 2009 (FISTA), with a constant step.
 */
function dualSolution(q: tf.Tensor, c: tf.Tensor, least: tf.Tensor): tf.Tensor {
  const rate = 1 / q.shape[0]!;
  let [at, ahead, momentum] = [least, least, 1];
  for (let i = 0; i < ITERATIONS; i++) {
    const slope = tf.add(tf.matMul(q as tf.Tensor2D, ahead as tf.Tensor2D), c);
    const next = tf.maximum(tf.sub(ahead, tf.mul(slope, rate)), least);
    const nextMomentum = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    ahead = tf.add(next, tf.mul(tf.sub(next, at), (momentum - 1) / nextMomentum));
    [at, momentum] = [next, nextMomentum];
  }
  return at;
}

function checkShares(batchSize: number, earlier: number): void {
  if (batchSize >= earlier) return;
  const message = `gem shares the rows of a batch among the earlier tasks: expected a batchSize of at least ${earlier}, got ${batchSize}. Raise it.`;
  throw new HarnessError('E_COMBINATION', message, {batchSize, earlier});
}
