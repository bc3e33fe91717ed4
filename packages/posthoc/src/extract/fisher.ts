import {define} from '@accrete/kit';
import * as z from 'zod';
import {maskable, where} from '../network/maskable.ts';
import {diagonalFisher} from '../training/fisher.ts';
import {taskPath} from '../training/logits.ts';
import {type Extractor, planOf} from './extractor.ts';
import {density, keepBest, scope} from './ranking.ts';
import {sweepable} from './sweepable.ts';

/**
 * FISH mask: a weight counts by its diagonal Fisher information,
 *
 *   F[w] = mean_n (d log p(y_n | x_n) / dw)^2
 *
 * with gradients squared example by example.
 *
 * Source: Sung et al. 2021, https://arxiv.org/abs/2111.09839, eq. 3 to 5. There the mask says which weights to train; here it is
 * the module itself.
 */
export const fisher = define({
  kind: 'fisher',
  summary: 'Weights with the largest Fisher information.',
  source: {
    cite: 'Sung et al. 2021, eq. 3 to 5',
    url: 'https://arxiv.org/abs/2111.09839',
    deviations: ['the head competes like any kernel', 'no kernel is left empty'],
  },
  options: {
    density,
    scope: scope.default('global'),
    where,
    labels: z
      .enum(['data-labels', 'sampled-labels'])
      .default('data-labels')
      .describe('whose labels: those of the data (empirical Fisher) or drawn from the prediction (true Fisher)'),
    examples: z.int().min(1).default(256).describe('examples of the task that are looked at'),
  },
  create: (options): Extractor =>
    sweepable(
      options.density,
      (network, data, analysis) => {
        const paths = maskable(network, taskPath(network, data.task), options.where);
        return diagonalFisher(analysis, {network, data, paths, ...options});
      },
      ({means, examples}, share, network, data, analysis) => {
        const parts = keepBest(network, means, share, options.scope);
        return planOf({kind: 'fisher', ...options, density: share}, network, data, analysis, {parts, examples});
      },
    ),
});
