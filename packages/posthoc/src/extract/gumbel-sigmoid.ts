import type {Network} from '@accrete/core';
import {hardened} from '@accrete/engine';
import {define, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {countOf, type TaskData} from '../data/examples.ts';
import {maskable, where} from '../network/maskable.ts';
import type {Plan} from '../plan/plan.ts';
import {fit} from '../training/fit.ts';
import {taskPath} from '../training/logits.ts';
import {budget, gateOptimizer} from './budget.ts';
import {type Analysis, type Extractor, planOf} from './extractor.ts';
import {density, keepBest} from './ranking.ts';
import {sweepable} from './sweepable.ts';

/** What was learned of every weight, by path. */
type Learned = Readonly<Record<string, HostArray<'float32'>>>;

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
  create: (options): Extractor => {
    const learn = async (network: Network, data: TaskData, analysis: Analysis): Promise<Learned> => {
      const paths = maskable(network, taskPath(network, data.task), options.where);
      const start = (path: string): HostArray<'float32'> => {
        const {shape, data: weights} = network.parameters[path]!;
        return hostArray(new Float32Array(weights.length).fill(options.start), shape, 'float32');
      };
      const total = paths.reduce((sum, path) => sum + network.parameters[path]!.data.length, 0);
      const {variables} = await fit({
        ...analysis,
        network,
        data,
        budget: options,
        variables: Object.fromEntries(paths.map((path) => [path, start(path)])),
        parts: options.draws,
        weights: ({variables: logits, fixed, noise, part}) =>
          Object.fromEntries(
            paths.map((path) => {
              const uniform = tf.clipByValue(noise.uniform(`${part}/${path}`, logits[path]!.shape), 1e-7, 1 - 1e-7);
              const logistic = tf.sub(tf.log(uniform), tf.log(tf.sub(1, uniform)));
              const soft = tf.sigmoid(tf.div(tf.add(logits[path]!, logistic), options.temperature));
              const bits = hardened(soft, (value) => tf.cast(tf.greater(value, 0.5), 'float32'));
              return [path, tf.mul(fixed[path]!, bits)];
            }),
          ),
        penalty: ({variables: logits}) => {
          const kept = paths.map((path) => tf.sum(tf.sigmoid(logits[path]!)));
          return tf.mul<tf.Scalar>(
            kept.reduce((sum, value) => tf.add(sum, value)),
            options.strength / total,
          );
        },
        optimizer: () => options.optimizer,
        clipNorm: options.clipNorm,
        key: {gumbelSigmoid: [options.temperature, options.strength, ...paths]},
      });
      return variables;
    };
    const keep = (
      learned: Learned,
      share: number | null,
      network: Network,
      data: TaskData,
      analysis: Analysis,
    ): Plan => {
      const logits = Object.entries(learned);
      const parts =
        share === null
          ? Object.fromEntries(logits.map(([path, own]) => [path, {mask: positive(own)}]))
          : keepBest(network, Object.fromEntries(logits.map(([path, own]) => [path, own.data])), share, 'global');
      const method = {kind: 'gumbel-sigmoid', ...options, density: share};
      return planOf(method, network, data, analysis, {parts, examples: countOf(data.examples), steps: options.steps});
    };
    return sweepable<Learned, number | null>(options.density, learn, keep);
  },
});

function positive({shape, data}: HostArray<'float32'>): HostArray<'bool'> {
  return hostArray(
    Uint8Array.from(data, (value) => (value > 0 ? 1 : 0)),
    shape,
    'bool',
  );
}
