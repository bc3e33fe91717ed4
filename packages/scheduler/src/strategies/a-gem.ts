import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {bufferOf, bufferOptions, drawnSlots} from './buffer.ts';
import {memoryByTask} from './memory-by-task.ts';
import {nothing} from './quadratic-pull.ts';
import {rehearsing} from './rehearsing.ts';
import type {Strategy} from './strategy.ts';

/**
 * Averaged gradient episodic memory: where the gradient on the batch would raise the loss on rehearsed examples of earlier
 * tasks, the part of it that does is taken out.
 *
 *   g' = g                                      where g . r >= 0
 *   g' = g - (g . r / r . r) r                  otherwise
 *
 * g: gradient over the batch's own rows, terms of other strategies included; r: gradient of the task loss over the rehearsed
 * rows, drawn anew for every batch from the examples of earlier tasks. Rehearsed rows are in no other part of the loss.
 *
 * @param options.capacity examples kept, of all tasks together or of each; 0 equals fine-tuning bit for bit (tested).
 */
export const aGem = define({
  kind: 'a-gem',
  summary: 'Averaged gradient episodic memory: gradients that raise the loss on earlier examples are projected.',
  source: {
    cite: 'Chaudhry et al. 2019 (A-GEM)',
    url: 'https://arxiv.org/abs/1812.00420',
    deviations: ['unless capacityOf says otherwise, one buffer over all tasks, not an equal part for each'],
  },
  options: {
    ...bufferOptions,
    capacityOf: z
      .enum(['all-tasks', 'each-task'])
      .default('all-tasks')
      .describe('whether capacity is that of one buffer over all tasks, or of every task by itself'),
  },
  create: ({capacityOf, ...options}): Strategy => ({
    ...rehearsing(options),
    ...(capacityOf === 'each-task' && options.capacity > 0 && memoryByTask(options.capacity, options.policy)),
    rehearse: ({task, state, seeds}) => {
      const earlier = bufferOf(state).rows.filter((row) => row.task < task.index);
      return {rows: drawnSlots(earlier.length, options.batchSize, seeds).map((slot) => earlier[slot]!)};
    },
    step: ({task, rehearsed}) => {
      if (options.capacity === 0) return nothing;
      if (task.index === 0) return {key: 'nothing remembered', inputs: {}, apart: rehearsed};
      return {
        key: 'a-gem',
        inputs: {},
        apart: rehearsed,
        direct: (gradients, {gradientsOf}) => projected(gradients, gradientsOf(rehearsed)),
      };
    },
  }),
});

type Gradients = Readonly<Record<string, tf.Tensor>>;

function projected(gradients: Gradients, reference: Gradients): Gradients {
  const along = dot(gradients, reference);
  const size = dot(reference, reference);
  // A negative product means that the reference is not 0.
  const share = tf.where(tf.less(along, 0), tf.div(along, tf.maximum(size, 1e-20)), tf.zerosLike(along));
  const entries = Object.entries(gradients);
  return Object.fromEntries(
    entries.map(([local, gradient]) => [local, tf.sub(gradient, tf.mul(reference[local]!, share))]),
  );
}

function dot(a: Gradients, b: Gradients): tf.Tensor {
  return tf.addN(Object.keys(a).map((local) => tf.sum(tf.mul(a[local]!, b[local]!))));
}
