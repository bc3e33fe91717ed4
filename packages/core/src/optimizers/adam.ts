import {define, type Source} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Optimizer} from './optimizer.ts';

const options = {
  learningRate: z.number().positive().default(1e-3).describe('step size'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the first moment'),
  beta2: z.number().min(0).lt(1).default(0.999).describe('decay of the second moment'),
  epsilon: z.number().positive().default(1e-8).describe('added to the root of the second moment'),
};

interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

const slots: Optimizer['slots'] = [
  {name: 'steps', shape: 'scalar'},
  {name: 'first', shape: 'like-parameter'},
  {name: 'second', shape: 'like-parameter'},
];

function adamLike(
  {learningRate, beta1, beta2, epsilon, weightDecay}: AdamOptions,
  decay: 'in-gradient' | 'decoupled',
): Optimizer {
  return {
    slots,
    update: (parameter, gradient, state) => {
      const g =
        decay === 'in-gradient' && weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
      const steps = tf.add(state['steps']!, 1);
      const first = tf.add(tf.mul(state['first']!, beta1), tf.mul(g, 1 - beta1));
      const second = tf.add(tf.mul(state['second']!, beta2), tf.mul(tf.square(g), 1 - beta2));
      // The corrections are scalars: rate = learningRate / (1 - beta1^t), root = sqrt(1 - beta2^t).
      const rate = tf.div(learningRate, tf.sub(1, tf.pow(beta1, steps)));
      const root = tf.sqrt(tf.sub(1, tf.pow(beta2, steps)));
      const direction = tf.div(first, tf.add(tf.div(tf.sqrt(second), root), epsilon));
      const decayed =
        decay === 'decoupled' && weightDecay > 0 ? tf.mul(parameter, 1 - learningRate * weightDecay) : parameter;
      return {parameter: tf.sub(decayed, tf.mul(direction, rate)), slots: {steps, first, second}};
    },
  };
}

const source = (cite: string, url: string): Source => ({
  cite,
  url,
  deviations: ['steps are counted per parameter, so that bias correction is right for parameters that come later'],
});

/**
 * Adam.
 *
 *   m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2;   p <- p - learningRate * m' / (sqrt(v') + epsilon)
 *
 * with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t), and t the steps that this parameter has taken. Weight decay is L2: it
 * enters the gradient and so the moments.
 *
 * Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1. Deviations: t is per parameter.
 */
export const adam = define({
  kind: 'adam',
  summary: 'Adam, with step counts per parameter.',
  source: source('Kingma and Ba 2015, algorithm 1', 'https://arxiv.org/abs/1412.6980'),
  options: {...options, weightDecay: z.number().min(0).default(0).describe('L2 coefficient, added to the gradient')},
  create: (o): Optimizer => adamLike(o, 'in-gradient'),
});

/**
 * AdamW: Adam with decoupled weight decay, p <- (1 - learningRate * weightDecay) p before the step.
 *
 * Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101, algorithm 2, as PyTorch's AdamW scales it.
 * Deviations: t is per parameter.
 */
export const adamw = define({
  kind: 'adamw',
  summary: 'Adam with decoupled weight decay.',
  source: source('Loshchilov and Hutter 2019, algorithm 2', 'https://arxiv.org/abs/1711.05101'),
  options: {...options, weightDecay: z.number().min(0).default(0.01).describe('decoupled decay coefficient')},
  create: (o): Optimizer => adamLike(o, 'decoupled'),
});
