import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {meanOverExamples, type Statistic} from '../training/per-example.ts';
import {accumulated, nothing, pull} from './quadratic-pull.ts';
import type {Strategy} from './strategy.ts';

/**
 * Memory aware synapses: pulls each weight towards its value after earlier tasks, by how much the network's output depends
 * on it. No label is used.
 *
 *   importance[t][i] = mean_n |d ||f(x_n)||^2 / d theta[i]|          f: the logits of the task's predictions
 *   penalty = strength * sum_t sum_i importance[t][i] * (theta[i] - theta*[t][i])^2          [nats]
 *
 * The absolute value is taken per example: that of a batch's mean gradient would let examples cancel and depend on batch size.
 * The sum over tasks is kept in closed form, as for `ewc`; the penalty in the log lacks its constant.
 *
 * @param options.strength lambda in the paper; 0 equals fine-tuning bit for bit (tested).
 * @param options.examples training examples that the importance is averaged over, drawn without replacement; all where there
 *   are fewer.
 * @param options.decay share of the importance of earlier tasks that is kept; 1 is the plain sum.
 * @throws HarnessError E_NON_FINITE from consolidation if an importance is NaN or infinite, naming parameter and task.
 *
 * Memory: 2 * parameters * 4 bytes, whatever the number of tasks.
 */
export const mas = define({
  kind: 'mas',
  summary: 'Memory aware synapses: a quadratic pull towards earlier weights, by the sensitivity of the output to them.',
  source: {
    cite: 'Aljundi et al. 2018',
    url: 'https://arxiv.org/abs/1711.09601',
    deviations: [
      'each task pulls towards the weights after that task (in closed form); the paper pulls towards those after the last one',
      'importance is measured on training examples of the task',
    ],
  },
  options: {
    strength: z.number().min(0).describe('lambda'),
    examples: z.int().min(1).default(512).describe('examples that the importance is averaged over'),
    decay: z.number().min(0).max(1).default(1).describe('share of earlier importance that is kept'),
  },
  create: ({strength, examples, decay}): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    step: ({state, path, trainable}) => pull(state, path, trainable, strength) ?? nothing,
    consolidate: async ({engine, stream, task, network, path, state, seeds}) => {
      if (strength === 0) return {};
      const found = await meanOverExamples({engine, stream, task, network, path, examples, seeds}, sensitivity);
      return {state: accumulated('MAS', state, found, network.parameters, decay, task)};
    },
  }),
});

const sensitivity: Statistic = {
  name: 'sensitivity',
  key: 'absolute',
  scalar: (logits) => tf.sum(tf.square(logits)),
  averaged: (gradient) => tf.abs(gradient),
};
