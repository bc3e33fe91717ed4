import type {Parameters, Path} from '@accrete/core';
import {HarnessError, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Task} from '../streams/stream.ts';
import type {StepPart, StrategyState} from './strategy.ts';

/**
 * The pull of parameters towards earlier values that EWC, MAS and SI share:
 *
 *   penalty = coefficient * sum_i importance[i] * (theta[i] - mean[i])^2          [nats]
 *
 * over the trainable parameters for which the state has `importance/<path>` and `mean/<path>`.
 */
export function pull(
  state: StrategyState,
  path: Path,
  trainable: readonly string[],
  coefficient: number,
): Required<Pick<StepPart, 'key' | 'inputs' | 'term'>> | null {
  const pulled = trainable.filter((local) => `importance/${path.bind[local]}` in state.arrays);
  if (coefficient === 0 || pulled.length === 0) return null;
  const inputs: Record<string, HostArray> = {};
  for (const local of pulled) {
    inputs[`importance/${local}`] = state.arrays[`importance/${path.bind[local]}`]!;
    inputs[`mean/${local}`] = state.arrays[`mean/${path.bind[local]}`]!;
  }
  return {
    key: {pull: coefficient, pulled},
    inputs,
    term: ({parameters, inputs: own}) => {
      const parts = pulled.map((local) => {
        const away = tf.sub(parameters[local]!, own[`mean/${local}`]!);
        return tf.sum(tf.mul(own[`importance/${local}`]!, tf.square(away)));
      });
      return tf.mul(tf.addN(parts), coefficient);
    },
  };
}

/** A step that a strategy leaves as it is. */
export const nothing: StepPart = {key: 'nothing', inputs: {}};

/**
 * The state after a task's own pull, `fresh` towards `parameters`, joined those before it. Kept in closed form: with
 * A = sum_t F[t] and m = sum_t F[t] theta*[t] / A the sum over tasks equals A (theta - m)^2 up to a constant that no gradient
 * sees, so neither memory nor step time grows with the number of tasks.
 *
 * @param decay share of the importance of earlier tasks that is kept.
 * @throws HarnessError E_NON_FINITE if an importance is NaN or infinite, naming method, parameter and task.
 */
export function accumulated(
  method: string,
  state: StrategyState,
  fresh: Parameters,
  parameters: Parameters,
  decay: number,
  task: Task,
): StrategyState {
  const arrays: Record<string, HostArray> = {...state.arrays};
  for (const [path, {data, shape}] of Object.entries(fresh)) {
    const importance = new Float32Array(data.length);
    const mean = new Float32Array(data.length);
    const before = state.arrays[`importance/${path}`]?.data;
    const beforeMean = state.arrays[`mean/${path}`]?.data;
    const now = parameters[path]!.data;
    for (let i = 0; i < importance.length; i++) {
      const kept = before ? decay * before[i]! : 0;
      const total = kept + data[i]!;
      importance[i] = total;
      mean[i] = total > 0 ? (kept * (beforeMean ? beforeMean[i]! : 0) + data[i]! * now[i]!) / total : now[i]!;
    }
    requireFinite(method, importance, path, task);
    arrays[`importance/${path}`] = hostArray(importance, shape, 'float32');
    arrays[`mean/${path}`] = hostArray(mean, shape, 'float32');
  }
  return {values: state.values, arrays};
}

/** @throws HarnessError E_NON_FINITE if an importance is NaN or infinite, naming method, parameter and task. */
export function requireFinite(method: string, importance: Float32Array, path: string, task: Task): void {
  if (importance.every(Number.isFinite)) return;
  const message = `${method}: the importance of ${path} after task ${task.index} is not finite. Lower the learning rate.`;
  throw new HarnessError('E_NON_FINITE', message, {path, task: task.index});
}
