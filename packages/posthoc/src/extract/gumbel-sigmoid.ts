import {hardened} from '@accrete/engine';
import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {where} from '../network/maskable.ts';
import {budget, gateOptimizer} from './budget.ts';
import type {Extractor} from './extractor.ts';
import {learnedMask} from './learned-mask.ts';
import {density} from './ranking.ts';

/**
 * Weight masks learned on frozen weights, one logit l per weight:
 *
 *   s = sigmoid((l + noise) / temperature), noise ~ Logistic(0, 1);   b = 1[s > 1/2], with the gradient of s
 *   loss = task loss of theta * b + strength * mean_w sigmoid(l)
 *
 * The module is 1[l > 0], or the weights with the highest logits where a density is asked for. A batch is cut into `draws` parts,
 * each with a mask of its own.
 *
 * Source: Csordas et al. 2021, https://arxiv.org/abs/2010.02066, eq. 1 to 3, and the authors' code. Deviation: their code
 * penalises the sum of raw logits, which pulls without bound at a constant rate; here it is the expected share of kept weights.
 */
export const gumbelSigmoid = define({
  kind: 'gumbel-sigmoid',
  summary: 'Masks learned on frozen weights by Gumbel-sigmoid sampling.',
  source: {
    cite: 'Csordas et al. 2021, eq. 1 to 3',
    url: 'https://arxiv.org/abs/2010.02066',
    deviations: ['penalty on the expected share of kept weights instead of the sum of raw logits'],
  },
  options: {
    density: density
      .nullable()
      .default(null)
      .describe('share of the weights that is kept; null keeps those with logits above 0'),
    where,
    ...budget,
    draws: z.int().min(1).default(4).describe('masks sampled per batch (S)'),
    start: z.number().default(2).describe('logit at the start; 2 keeps 88 % of the weights'),
    temperature: z.number().positive().default(1).describe('tau'),
    strength: z.number().min(0).default(0.1).describe('strength of the penalty [nats]'),
    optimizer: gateOptimizer(1e-2),
    clipNorm: z.number().positive().default(1).describe('largest joint norm of the gradients'),
  },
  create: (options): Extractor =>
    learnedMask(options, {
      kind: 'gumbel-sigmoid',
      parts: options.draws,
      start: (size) => new Float32Array(size).fill(options.start),
      drawn: (logits, noise, path, part) => {
        const uniform = tf.clipByValue(noise.uniform(`${part}/${path}`, logits.shape), 1e-7, 1 - 1e-7);
        const logistic = tf.sub(tf.log(uniform), tf.log(tf.sub(1, uniform)));
        const soft = tf.sigmoid(tf.div(tf.add(logits, logistic), options.temperature));
        return hardened(soft, (value) => tf.cast(tf.greater(value, 0.5), 'float32'));
      },
      chance: (logits) => tf.sigmoid(logits),
      open: (logit) => logit > 0,
      clipNorm: options.clipNorm,
      key: [options.temperature, options.strength],
    }),
});
