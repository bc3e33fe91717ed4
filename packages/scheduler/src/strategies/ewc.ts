import type {Path} from '@accrete/core';
import {define, HarnessError, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Task} from '../streams/stream.ts';
import {diagonalFisher} from '../training/fisher.ts';
import type {StepPart, Strategy, StrategyState} from './strategy.ts';

/**
 * Elastic weight consolidation: pulls each weight towards its value after earlier tasks, in proportion to its importance.
 *
 *   penalty = (strength / 2) * sum_t sum_i F[t][i] * (theta[i] - theta*[t][i])^2          [nats]
 *
 * Kept in closed form: with A = sum_t F[t] and m = sum_t F[t] theta*[t] / A the sum over tasks equals A (theta - m)^2 up to a
 * constant that no gradient sees, so neither memory nor step time grows with the number of tasks. The penalty in the log
 * lacks that constant. `decay` below 1 multiplies A before each addition (online EWC).
 *
 * F is the diagonal Fisher, averaged over *examples*: squaring a batch-mean gradient instead would make F, and so the meaning
 * of `strength`, depend on batch size.
 *
 * @param options.strength lambda in the paper; 0 equals fine-tuning bit for bit (tested).
 * @param options.fisher whose labels the gradient uses: `sampled-labels` (the true Fisher) or `data-labels` (the empirical one).
 * @param options.examples training examples that F is averaged over, drawn without replacement; all where there are fewer.
 * @param options.decay share of the importance of earlier tasks that is kept; 1 is the paper's sum, below 1 online EWC.
 * @throws HarnessError E_NON_FINITE from consolidation if an importance is NaN or infinite, naming parameter and task.
 *
 * Memory: 2 * parameters * 4 bytes, whatever the number of tasks.
 */
export const ewc = define({
  kind: 'ewc',
  summary: 'Elastic weight consolidation: a quadratic pull towards earlier weights, by their Fisher information.',
  source: {
    cite: 'Kirkpatrick et al. 2017; Schwarz et al. 2018 for decay below 1',
    url: 'https://doi.org/10.1073/pnas.1611835114',
    deviations: ['the sum over tasks is kept in closed form; the logged penalty lacks its constant'],
  },
  options: {
    strength: z.number().min(0).describe('lambda'),
    fisher: z
      .enum(['sampled-labels', 'data-labels'])
      .default('sampled-labels')
      .describe('whose labels the gradient uses'),
    examples: z.int().min(1).default(512).describe('examples that the Fisher information is averaged over'),
    decay: z.number().min(0).max(1).default(1).describe('share of earlier importance that is kept'),
  },
  create: ({strength, fisher, examples, decay}): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    step: ({state, path, trainable}) => pull(state, path, trainable, strength),
    consolidate: async ({engine, stream, task, network, path, state, seeds}) => {
      if (strength === 0) return {};
      const found = await diagonalFisher({engine, stream, task, network, path, labels: fisher, examples, seeds});
      return {state: accumulated(state, found, network.parameters, decay, task)};
    },
  }),
});

function pull(state: StrategyState, path: Path, trainable: readonly string[], strength: number): StepPart {
  const pulled = trainable.filter((local) => `importance/${path.bind[local]}` in state.arrays);
  if (strength === 0 || pulled.length === 0) return {key: 'nothing', inputs: {}};
  const inputs: Record<string, HostArray> = {};
  for (const local of pulled) {
    inputs[`importance/${local}`] = state.arrays[`importance/${path.bind[local]}`]!;
    inputs[`mean/${local}`] = state.arrays[`mean/${path.bind[local]}`]!;
  }
  return {
    key: {ewc: strength, pulled},
    inputs,
    term: ({parameters, inputs: own}) => {
      const parts = pulled.map((local) => {
        const away = tf.sub(parameters[local]!, own[`mean/${local}`]!);
        return tf.sum(tf.mul(own[`importance/${local}`]!, tf.square(away)));
      });
      return tf.mul(tf.addN(parts), strength / 2);
    },
  };
}

function accumulated(
  state: StrategyState,
  fisher: Readonly<Record<string, HostArray<'float32'>>>,
  parameters: Readonly<Record<string, HostArray<'float32'>>>,
  decay: number,
  task: Task,
): StrategyState {
  const arrays: Record<string, HostArray> = {...state.arrays};
  for (const [path, fresh] of Object.entries(fisher)) {
    const importance = new Float32Array(fresh.data.length);
    const mean = new Float32Array(fresh.data.length);
    const before = state.arrays[`importance/${path}`]?.data;
    const beforeMean = state.arrays[`mean/${path}`]?.data;
    const now = parameters[path]!.data;
    for (let i = 0; i < importance.length; i++) {
      const kept = before ? decay * before[i]! : 0;
      const total = kept + fresh.data[i]!;
      importance[i] = total;
      mean[i] = total > 0 ? (kept * (beforeMean ? beforeMean[i]! : 0) + fresh.data[i]! * now[i]!) / total : now[i]!;
    }
    if (!importance.every(Number.isFinite)) {
      throw new HarnessError(
        'E_NON_FINITE',
        `EWC: the importance of ${path} after task ${task.index} is not finite. Lower the learning rate.`,
        {path, task: task.index},
      );
    }
    arrays[`importance/${path}`] = hostArray(importance, fresh.shape, 'float32');
    arrays[`mean/${path}`] = hostArray(mean, fresh.shape, 'float32');
  }
  return {values: state.values, arrays};
}
