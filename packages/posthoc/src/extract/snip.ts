import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {maskable, where} from '../network/maskable.ts';
import {meanOfGradients} from '../training/gradients.ts';
import {taskPath} from '../training/logits.ts';
import {type Extractor, planOf} from './extractor.ts';
import {density, keepBest, scope} from './ranking.ts';
import {sweepable} from './sweepable.ts';

/**
 * SNIP: a weight counts by how much the loss would change if a gate before it closed a little.
 *
 *   score[w] = mean over batches of |dL/dc_w| at c = 1 = |w dL/dw|
 *
 * Source: Lee et al. 2019, https://arxiv.org/abs/1810.02340, eq. 4. The order of scores is that of the paper's, which divides
 * by their sum.
 */
export const snip = define({
  kind: 'snip',
  summary: 'Connection sensitivity: |weight x gradient|.',
  source: {
    cite: 'Lee et al. 2019, eq. 4',
    url: 'https://arxiv.org/abs/1810.02340',
    deviations: [
      'on a trained network instead of a fresh one',
      'the mean over several batches',
      'no kernel is left empty',
    ],
  },
  options: {
    density,
    scope: scope.default('global'),
    where,
    batchSize: z.int().min(1).default(128).describe('examples per gradient'),
    batches: z.int().min(1).default(4).describe('gradients that are averaged over, in absolute value; 1 in the paper'),
  },
  create: (options): Extractor =>
    sweepable(
      options.density,
      (network, data, analysis) =>
        meanOfGradients(analysis, {
          network,
          data,
          paths: maskable(network, taskPath(network, data.task), options.where),
          examples: options.batchSize * options.batches,
          group: options.batchSize,
          of: (gradient, weight) => tf.abs(tf.mul(gradient, weight)),
          key: 'snip',
        }),
      ({means, examples}, share, network, data, analysis) => {
        const parts = keepBest(network, means, share, options.scope);
        return planOf({kind: 'snip', ...options, density: share}, network, data, analysis, {parts, examples});
      },
    ),
});
