import type {Path} from '@accrete/core';
import {define, type HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {nothing} from './quadratic-pull.ts';
import type {StepPart, Strategy} from './strategy.ts';
import {summing, withLowRank} from './summed-low-rank.ts';

/**
 * Orthogonal low-rank adaptation: every task after the first brings a low-rank module at each site, all of which are added up;
 * earlier ones are frozen, and the new one is kept out of the subspaces that they read.
 *
 *   penalty = strength * sum_sites sum_{i < t} sum_{a, b} |(A_i^T A_t)[a, b]|        A [inputs, rank]; earlier ones are constants
 *
 * Predictions need no task: all modules take part. The strategy sets routing to `up-to-task` and aggregation to `sum`; the base
 * is what the first task learned.
 *
 * @param options.rank r of each module.
 * @param options.strength lambda_1 in the paper; 0 adds up low-rank modules without a constraint.
 */
export const oLora = define({
  kind: 'o-lora',
  summary: 'O-LoRA: low-rank modules that add up, each orthogonal to those before it.',
  source: {
    cite: 'Wang et al. 2023, eq. 7 and 8',
    url: 'https://arxiv.org/abs/2310.14152',
    deviations: [
      'the base is learned with the first task, not pre-trained',
      'no L2 penalty on the new module (lambda_2)',
      'where the task is given, it sees the modules up to it',
    ],
  },
  options: {
    rank: z.int().min(1).default(8).describe('r of each module'),
    strength: z.number().min(0).default(0.5).describe('lambda_1'),
  },
  create: ({rank, strength}): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: (context) => {
      if (context.task.index === 0) return {network: summing(context.network)};
      const {network, growth} = withLowRank(context, {
        rank,
        still: ({id}) => !id.startsWith('head/'),
        reason: 'every task brings low-rank modules, kept apart from those before it',
      });
      return {network, growth};
    },
    step: ({task, path, network}) =>
      strength === 0 ? nothing : keptApart(task.index, path, network.parameters, strength),
  }),
});

function keptApart(
  task: number,
  path: Path,
  parameters: Readonly<Record<string, HostArray>>,
  strength: number,
): StepPart {
  const downs = Object.keys(path.bind).filter((local) => /\/module:\d+\/down$/.test(local));
  const own = downs.filter((local) => path.owner[local]!.task === task);
  const siteOf = (local: string): string => local.slice(0, local.indexOf('/'));
  const pairs = own.flatMap((local) =>
    downs.filter((other) => other !== local && siteOf(other) === siteOf(local)).map((other) => [local, other] as const),
  );
  if (pairs.length === 0) return nothing;
  const inputs = Object.fromEntries(pairs.map(([, other]) => [other, parameters[path.bind[other]!]!]));
  return {
    key: {'o-lora': strength, pairs},
    inputs,
    term: ({parameters: now, inputs: earlier}) => {
      const overlaps = pairs.map(([local, other]) => tf.sum(tf.abs(tf.matMul(earlier[other]!, now[local]!, true))));
      return tf.mul(strength, tf.addN(overlaps));
    },
  };
}
