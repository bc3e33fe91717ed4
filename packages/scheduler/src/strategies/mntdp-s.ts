import {detachModules} from '@accrete/core';
import {define} from '@accrete/kit';
import * as z from 'zod';
import {bestSource, frozenPaths, onPath, pathNotes, withNewLayers} from './layer-paths.ts';
import type {Strategy} from './strategy.ts';

/**
 * MNTDP-S: modular networks with a task-driven prior, stochastic search. At every layer a task chooses between the layer of the
 * best earlier path and a new one; paths are drawn, trained on shared new layers, and the choice learns by the score function.
 *
 *   P(layer l is new) = sigmoid(s[l]),   s <- s + rate * ((R - mean R) d ln p(a) / ds + entropy * dH / ds)
 *   R = validation accuracy - price * new layers
 *
 * with p(a) the product over layers and H the sum of their entropies. The mean of R is that of all paths drawn so far. Weights learn
 * on training examples, the choice on validation examples. After `samples` paths the likeliest one trains for the task's epochs, goes
 * on from what the shared layers have learned, and is frozen when the next task comes. The earlier path is picked as in `mntdp`.
 *
 * The strategy sets routing to `assigned` and aggregation to `mixture`.
 *
 * Cost: `samples` short trainings and one of the task's epochs, whatever the number of layers.
 *
 * @param options.samples paths drawn per task.
 * @param options.price c in the paper: accuracy that a new layer has to bring.
 * @param options.entropy keeps the choice open; 0 lets it settle.
 * @throws HarnessError E_COMBINATION where a task has no validation examples.
 */
export const mntdpS = define({
  kind: 'mntdp-s',
  summary: 'MNTDP-S: layer by layer, reuse the best earlier path or add; the choice learns from paths that are drawn.',
  source: {
    cite: 'Veniat et al. 2021, stochastic search with the k-nearest-neighbour prior',
    url: 'https://arxiv.org/abs/2012.12631',
    deviations: [
      'a path trains for whole epochs before the choice learns from it, not for a batch',
      'the choice learns on the validation examples, not on half of the training ones',
      'the reward is accuracy, not the negative loss',
      'one source path; the paper may keep several',
    ],
  },
  options: {
    neighbours: z.int().min(1).default(15).describe('k of the prior'),
    examples: z.int().min(1).default(1000).describe('most examples of a split that the prior looks at'),
    samples: z.int().min(1).default(8).describe('paths drawn per task'),
    sampleEpochs: z.int().min(1).default(1).describe('epochs of each'),
    rate: z.number().positive().default(5).describe('learning rate of the choice'),
    price: z.number().min(0).default(0.01).describe('accuracy that a new layer has to bring'),
    entropy: z.number().min(0).default(0.01).describe('weight of the entropy of the choice'),
  },
  create: ({neighbours, examples, samples, sampleEpochs, rate, price, entropy}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network}) => frozenPaths(network, task.index),
    search: async function* (context) {
      if (context.task.index === 0) return null;
      const source = await bestSource(context, neighbours, examples);
      const {sites} = context.network.topology;
      const at = context.task.index;
      let network = withNewLayers(
        context,
        sites.map(() => true),
      );
      let scores: readonly number[] = sites.map(() => 0);
      const rewards: number[] = [];
      for (let n = 0; n < samples; n++) {
        const seeds = context.seeds.fork('path', n);
        const fresh = scores.map((score) => seeds.uniform() < sigmoid(score));
        const trial = yield {
          name: `path ${n}: ${written(fresh)}`,
          network: onPath(network, at, source.task, fresh),
          phases: [{name: 'sample', epochs: sampleEpochs}],
        };
        if (trial.accuracy === null) continue;
        // All paths train the same new layers and head: the next one goes on with what this one left.
        network = trial.network;
        rewards.push(trial.accuracy - price * fresh.filter(Boolean).length);
        const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length;
        scores = learned(scores, fresh, {advantage: rewards.at(-1)! - mean, rate, entropy});
      }
      const likeliest = scores.map((score) => score > 0);
      const winner = {name: `winner: ${written(likeliest)}`, network: onPath(network, at, source.task, likeliest)};
      const {network: trained} = yield winner;
      const shares = scores.map((score) => sigmoid(score).toFixed(3)).join(', ');
      const reason = `${source.reason}; probability of a new layer, from the bottom up: ${shares}`;
      const unused = sites.filter((_, i) => !likeliest[i]).map(({id}) => `${id}/module:${at}`);
      return {
        chosen: winner.name,
        reason,
        network: detachModules(trained, unused),
        growth: pathNotes(context, source.task, likeliest, trained, reason),
      };
    },
  }),
});

/**
 * Scores after a path was drawn: one step of gradient ascent on (R - mean R) ln p(a) + entropy * H, of a choice between two at each
 * layer, with p = sigmoid(s) the probability of a new layer:
 *
 *   d ln p(a) / ds = a - p,   dH / ds = -s p (1 - p)
 */
export function learned(
  scores: readonly number[],
  fresh: readonly boolean[],
  {advantage, rate, entropy}: {readonly advantage: number; readonly rate: number; readonly entropy: number},
): readonly number[] {
  return scores.map((score, i) => {
    const p = sigmoid(score);
    return score + rate * (advantage * (Number(fresh[i]) - p) - entropy * score * p * (1 - p));
  });
}

function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

/** Layers from the bottom up, such as `old, new`. */
function written(fresh: readonly boolean[]): string {
  return fresh.map((own) => (own ? 'new' : 'old')).join(', ');
}
