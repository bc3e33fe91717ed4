import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {where} from '../network/maskable.ts';
import {budget, gateOptimizer} from './budget.ts';
import type {Extractor} from './extractor.ts';
import {chanceOpen, finalGate, louizos, sampledGate} from './hard-concrete.ts';
import {learnedMask} from './learned-mask.ts';
import {density} from './ranking.ts';

const BOUNDS = [Math.log(1e-2), Math.log(1e2)] as const;

/**
 * L0 regularisation: one hard concrete gate z per weight, learned on frozen weights.
 *
 *   loss = task loss of theta * z + strength * mean_w P(z_w != 0)
 *
 * The module is the weights whose gate is open more than half without noise, or the most open ones where a density is asked for.
 *
 * Source: Louizos et al. 2018, https://arxiv.org/abs/1712.01312, eq. 9 to 13.
 */
export const l0 = define({
  kind: 'hard-concrete',
  summary: 'Hard concrete gates on frozen weights, with the expected number of open ones as penalty (L0).',
  source: {
    cite: 'Louizos et al. 2018, eq. 9 to 13',
    url: 'https://arxiv.org/abs/1712.01312',
    deviations: [
      'the weights stand still, so that gates find a module instead of training one',
      'gates are made binary at the end',
    ],
  },
  options: {
    density: density
      .nullable()
      .default(null)
      .describe('share of the weights that is kept; null keeps gates open more than half'),
    where,
    ...budget,
    openness: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.9)
      .describe('where gates start: log alpha = log(openness / (1 - openness))'),
    strength: z.number().min(0).default(0.1).describe('strength of the penalty [nats]'),
    optimizer: gateOptimizer(2e-2),
  },
  create: (options): Extractor =>
    learnedMask(options, {
      kind: 'hard-concrete',
      start: (size, seeds) => {
        const mean = Math.log(options.openness / (1 - options.openness));
        return Float32Array.from({length: size}, () => mean + 0.01 * seeds.normal());
      },
      drawn: (gates, noise, path) => sampledGate(louizos, gates, noise, path),
      chance: (gates) => chanceOpen(louizos, gates),
      open: (gate) => finalGate(louizos, gate) > 0.5,
      after: (_, __, gate) => tf.clipByValue(gate, ...BOUNDS),
      key: options.strength,
    }),
});
