import {define, HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Optimizer} from './optimizer.ts';

/**
 * Stochastic gradient descent.
 *
 *   g <- g + weightDecay * p;   v <- momentum * v + g;   p <- p - learningRate * (nesterov ? g + momentum * v : v)
 *
 * The first step takes v = g, as v starts at 0.
 *
 * Source: PyTorch torch.optim.SGD. Deviations: no dampening.
 */
export const sgd = define({
  kind: 'sgd',
  summary: 'Stochastic gradient descent, with momentum and weight decay where asked for.',
  source: {
    cite: 'PyTorch torch.optim.SGD; Sutskever et al. 2013 for momentum',
    url: 'https://pytorch.org/docs/stable/generated/torch.optim.SGD.html',
    deviations: ['no dampening'],
  },
  options: {
    learningRate: z.number().positive().describe('step size'),
    momentum: z.number().min(0).lt(1).default(0).describe('share of the velocity that is kept'),
    nesterov: z.boolean().default(false).describe('look ahead along the velocity'),
    weightDecay: z.number().min(0).default(0).describe('L2 coefficient, added to the gradient'),
  },
  create: ({learningRate, momentum, nesterov, weightDecay}): Optimizer => {
    if (nesterov && momentum === 0) {
      throw new HarnessError(
        'E_COMBINATION',
        'sgd with nesterov needs a momentum above 0. Give one, or leave nesterov out.',
      );
    }
    return {
      slots: momentum > 0 ? [{name: 'velocity', shape: 'like-parameter'}] : [],
      update: (parameter, gradient, slots) => {
        const g = weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
        if (momentum === 0) return {parameter: tf.sub(parameter, tf.mul(g, learningRate)), slots: {}};
        const velocity = tf.add(tf.mul(slots['velocity']!, momentum), g);
        const step = nesterov ? tf.add(g, tf.mul(velocity, momentum)) : velocity;
        return {parameter: tf.sub(parameter, tf.mul(step, learningRate)), slots: {velocity}};
      },
    };
  },
});
