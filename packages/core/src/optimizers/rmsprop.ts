import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Optimizer} from './optimizer.ts';

/**
 * RMSprop.
 *
 *   v <- decay v + (1 - decay) g^2;   b <- momentum b + g / (sqrt(v) + epsilon);   p <- p - learningRate * b
 *
 * Source: Tieleman and Hinton 2012, lecture 6.5, as PyTorch's torch.optim.RMSprop computes it. Deviations: not centred.
 */
export const rmsprop = define({
  kind: 'rmsprop',
  summary: 'RMSprop: gradients divided by a running root mean square.',
  source: {
    cite: 'Tieleman and Hinton 2012, lecture 6.5; PyTorch torch.optim.RMSprop',
    url: 'https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html',
    deviations: ['not centred'],
  },
  options: {
    learningRate: z.number().positive().default(1e-2).describe('step size'),
    decay: z.number().min(0).lt(1).default(0.99).describe('decay of the mean square'),
    epsilon: z.number().positive().default(1e-8).describe('added to the root of the mean square'),
    momentum: z.number().min(0).lt(1).default(0).describe('share of the velocity that is kept'),
    weightDecay: z.number().min(0).default(0).describe('L2 coefficient, added to the gradient'),
  },
  create: ({learningRate, decay, epsilon, momentum, weightDecay}): Optimizer => ({
    slots: [
      {name: 'square', shape: 'like-parameter'},
      ...(momentum > 0 ? [{name: 'velocity', shape: 'like-parameter'} as const] : []),
    ],
    update: (parameter, gradient, slots) => {
      const g = weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
      const square = tf.add(tf.mul(slots['square']!, decay), tf.mul(tf.square(g), 1 - decay));
      const scaled = tf.div(g, tf.add(tf.sqrt(square), epsilon));
      if (momentum === 0) return {parameter: tf.sub(parameter, tf.mul(scaled, learningRate)), slots: {square}};
      const velocity = tf.add(tf.mul(slots['velocity']!, momentum), scaled);
      return {parameter: tf.sub(parameter, tf.mul(velocity, learningRate)), slots: {square, velocity}};
    },
  }),
});
