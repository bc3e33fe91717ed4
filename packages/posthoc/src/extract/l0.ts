import type {Network} from '@accrete/core';
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
import {chanceOpen, finalGate, louizos, sampledGate} from './hard-concrete.ts';
import {density, keepBest} from './ranking.ts';
import {sweepable} from './sweepable.ts';

/** What was learned of every weight, by path. */
type Learned = Readonly<Record<string, HostArray<'float32'>>>;

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
  create: (options): Extractor => {
    const learn = async (network: Network, data: TaskData, analysis: Analysis): Promise<Learned> => {
      const paths = maskable(network, taskPath(network, data.task), options.where);
      const total = paths.reduce((sum, path) => sum + network.parameters[path]!.data.length, 0);
      const mean = Math.log(options.openness / (1 - options.openness));
      const start = paths.map((path) => {
        const seeds = analysis.seeds.fork('gates', path);
        const {shape, data: weights} = network.parameters[path]!;
        const values = Float32Array.from({length: weights.length}, () => mean + 0.01 * seeds.normal());
        return [path, hostArray(values, shape, 'float32')] as const;
      });
      const {variables} = await fit({
        ...analysis,
        network,
        data,
        budget: options,
        variables: Object.fromEntries(start),
        weights: ({variables: gates, fixed, noise}) =>
          Object.fromEntries(
            paths.map((path) => [path, tf.mul(fixed[path]!, sampledGate(louizos, gates[path]!, noise, path))]),
          ),
        penalty: ({variables: gates}) => {
          const open = paths.map((path) => tf.sum(chanceOpen(louizos, gates[path]!)));
          return tf.mul<tf.Scalar>(
            open.reduce((sum, value) => tf.add(sum, value)),
            options.strength / total,
          );
        },
        after: (_, __, gate) => tf.clipByValue(gate, ...BOUNDS),
        optimizer: () => options.optimizer,
        key: {hardConcrete: [options.strength, ...paths]},
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
      const gates = Object.entries(learned);
      const open = ({shape, data: own}: HostArray<'float32'>) => {
        const bits = Uint8Array.from(own, (gate) => (finalGate(louizos, gate) > 0.5 ? 1 : 0));
        return {mask: hostArray(bits, shape, 'bool')};
      };
      const parts =
        share === null
          ? Object.fromEntries(gates.map(([path, own]) => [path, open(own)]))
          : keepBest(network, Object.fromEntries(gates.map(([path, own]) => [path, own.data])), share, 'global');
      const method = {kind: 'hard-concrete', ...options, density: share};
      return planOf(method, network, data, analysis, {parts, examples: countOf(data.examples), steps: options.steps});
    };
    return sweepable<Learned, number | null>(options.density, learn, keep);
  },
});
