import {withParameters} from '@accrete/core';
import {hardened} from '@accrete/engine';
import {define, scalar, zeros} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {countOf} from '../data/examples.ts';
import {maskable, where} from '../network/maskable.ts';
import {fit} from '../training/fit.ts';
import {taskPath} from '../training/logits.ts';
import {budget, gateOptimizer, optimizer} from './budget.ts';
import {partsBetween} from './changes.ts';
import {type Extractor, planOf} from './extractor.ts';
import {density, keepBest, keptOf} from './ranking.ts';

/**
 * Movement pruning: scores S learn which weights move away from zero.
 *
 *   forward with W * TopK_v(S), gradients pass the selection:  dL/dS = dL/d(W * M) * W
 *   v(t) = v_f + (1 - v_f) (1 - (t - t_i) / (T - t_i - t_f))^3     share kept at step t, per kernel
 *
 * With `weights: fixed` only the scores are learned, so that the module is of the network as it is; with `trained` the weights are
 * tuned at the same time, as in the paper, and the plan holds their change too.
 *
 * Source: Sanh et al. 2020, https://arxiv.org/abs/2005.07683, eq. 2 to 5.
 */
export const movement = define({
  kind: 'movement',
  summary: 'Weights that move away from zero: learned scores, cubic schedule of density.',
  source: {
    cite: 'Sanh et al. 2020, eq. 2 to 5',
    url: 'https://arxiv.org/abs/2005.07683',
    deviations: [
      'weights stand still unless weights: trained',
      'equal scores are kept together until the end, where the count is exact',
    ],
  },
  options: {
    density,
    where,
    ...budget,
    weights: z.enum(['fixed', 'trained']).default('fixed').describe('whether the weights are tuned with the scores'),
    optimizer,
    scores: gateOptimizer(1e-2),
    warmup: z.number().min(0).max(1).default(0.1).describe('share of the steps with all weights (t_i)'),
    cooldown: z.number().min(0).max(1).default(0.3).describe('share of the steps at the final density (t_f)'),
  },
  create: (options): Extractor => ({
    gives: options.weights === 'fixed' ? 'mask' : 'delta',
    analyse: async (network, data, analysis) => {
      const paths = maskable(network, taskPath(network, data.task), options.where);
      const trained = options.weights === 'trained' ? paths : [];
      const variables = Object.fromEntries([
        ...paths.map((path) => [`score/${path}`, zeros(network.parameters[path]!.shape)] as const),
        ...trained.map((path) => [`weight/${path}`, network.parameters[path]!] as const),
      ]);
      const sizes = Object.fromEntries(paths.map((path) => [path, network.parameters[path]!.data.length]));
      const ended = await fit({
        ...analysis,
        network,
        data,
        budget: options,
        variables,
        // The place, among the sorted scores, of the last one that is kept.
        schedule: (step) => {
          const share = shareAt(step, options);
          return Object.fromEntries(
            paths.map((path) => [
              `place/${path}`,
              {...scalar(0), dtype: 'int32', data: Int32Array.of(keptOf(sizes[path]!, share) - 1)},
            ]),
          );
        },
        weights: ({variables: given, fixed, schedule}) =>
          Object.fromEntries(
            paths.map((path) => {
              const scores = given[`score/${path}`]!;
              const bits = hardened(scores, (values) => {
                const sorted = tf.topk(tf.reshape(values, [-1]), sizes[path]!).values;
                const limit = tf.gather(sorted, schedule[`place/${path}`] as tf.Scalar);
                return tf.cast(tf.greaterEqual(values, limit), 'float32');
              });
              return [path, tf.mul(given[`weight/${path}`] ?? fixed[path]!, bits)];
            }),
          ),
        optimizer: (name) => (name.startsWith('score/') ? options.scores : options.optimizer),
        key: {movement: [options.weights, ...paths]},
      });
      const scores = Object.fromEntries(paths.map((path) => [path, ended.variables[`score/${path}`]!.data]));
      const masks = keepBest(network, scores, options.density, 'layer');
      const moved = Object.fromEntries(trained.map((path) => [path, ended.variables[`weight/${path}`]!]));
      const parts = trained.length === 0 ? masks : partsBetween(network, withParameters(network, moved), masks);
      const method = {kind: 'movement', ...options};
      return planOf(method, network, data, analysis, {parts, examples: countOf(data.examples), steps: options.steps});
    },
  }),
});

/** The share that is kept at a step; all of it during the warm-up, the final one during the cool-down. */
export function shareAt(
  step: number,
  options: {readonly steps: number; readonly density: number; readonly warmup: number; readonly cooldown: number},
): number {
  const begin = options.warmup * options.steps;
  const span = Math.max(1, options.steps - begin - options.cooldown * options.steps);
  const left = Math.min(1, Math.max(0, 1 - (step - begin) / span));
  return options.density + (1 - options.density) * left ** 3;
}
