import type {Network, Parameters, Path} from '@accrete/core';
import {define, type HostArray, hostArray, zeros} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Task} from '../streams/stream.ts';
import {movable} from './movable.ts';
import {nothing, pull, requireFinite} from './quadratic-pull.ts';
import type {Carry, Strategy, StrategyState} from './strategy.ts';

/**
 * Synaptic intelligence: pulls each weight towards its value after the last task, by how much of the fall of earlier losses
 * its way contributed. Importance comes from training itself; there is no pass over the data afterwards.
 *
 *   omega[i]      = sum over steps of -g[i] * (theta[i] after the step - theta[i] before it)
 *   importance[i] = sum_t relu(omega[t][i]) / ((theta[i] after task t - theta[i] before it)^2 + damping)
 *   penalty       = strength * sum_i importance[i] * (theta[i] - theta[i] after the last task)^2          [nats]
 *
 * g is the gradient of the task loss alone, over the whole batch (rehearsed rows included): the penalty's own gradient, and
 * that of every other strategy's term, is excluded. The way is the one that was really gone: after optimiser, weight decay and
 * updates of other strategies. omega is carried by the compiled step and is in every checkpoint.
 *
 * @param options.strength c in the paper; 0 equals fine-tuning bit for bit (tested).
 * @param options.damping xi in the paper: bounds the importance of weights that hardly moved.
 * @param options.cap the importance that a pull counts is at most this, as in Maltoni and Lomonaco 2019, whose code takes 0.001.
 * @throws HarnessError E_NON_FINITE from consolidation if an importance is NaN or infinite, naming parameter and task.
 *
 * Memory: 2 * parameters * 4 bytes, whatever the number of tasks; twice that within a task.
 */
export const si = define({
  kind: 'si',
  summary: 'Synaptic intelligence: a quadratic pull towards earlier weights, by their share in the fall of the loss.',
  source: {
    cite: 'Zenke et al. 2017; Maltoni and Lomonaco 2019 for the cap',
    url: 'https://arxiv.org/abs/1703.04200',
    deviations: [
      "each task's omega is cut off at 0 before it is divided: a loss that rose along the way makes nothing less important",
    ],
  },
  options: {
    strength: z.number().min(0).describe('c'),
    damping: z.number().gt(0).default(0.1).describe('xi: bounds the importance of weights that hardly moved'),
    cap: z.number().positive().nullable().default(null).describe('largest importance that a pull counts; null: none'),
  },
  create: ({strength, damping, cap}): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    // In the first phase alone: the way of a task is one, through all its phases.
    enter: ({network, state}) => (strength === 0 || hasSetOut(state) ? {} : {state: settingOut(state, network)}),
    step: ({state, path, trainable}) => {
      if (strength === 0) return nothing;
      const carry = alongTheWay(path, trainable);
      const pulling = cap === null ? state : capped(state, cap);
      return {...(pull(pulling, path, trainable, strength) ?? {key: 'no pull', inputs: {}}), carry};
    },
    consolidate: async ({network, state, task}) =>
      strength === 0 ? {} : {state: arrived(state, network.parameters, damping, task)},
  }),
});

/** The state as the pull sees it: no importance above `cap`. What is added up over tasks stays whole. */
function capped({values, arrays}: StrategyState, cap: number): StrategyState {
  const entries = Object.entries(arrays).map(([name, array]): [string, HostArray] => {
    if (!name.startsWith('importance/')) return [name, array];
    const below = Float32Array.from(array.data as Float32Array, (importance) => Math.min(importance, cap));
    return [name, hostArray(below, array.shape, 'float32')];
  });
  return {values, arrays: Object.fromEntries(entries)};
}

const startOf = 'start/';

function hasSetOut({arrays}: StrategyState): boolean {
  return Object.keys(arrays).some((name) => name.startsWith(startOf));
}

/** Where the parameters that may move stand at the task's start, and an omega of 0 for each. */
function settingOut(state: StrategyState, network: Network): StrategyState {
  const arrays: Record<string, HostArray> = {...state.arrays};
  for (const [path, parameter] of Object.entries(movable(network))) {
    arrays[`${startOf}${path}`] = parameter;
    arrays[`omega/${path}`] = zeros(parameter.shape);
  }
  return {values: state.values, arrays};
}

function alongTheWay(path: Path, trainable: readonly string[]): Carry {
  return {
    names: Object.fromEntries(trainable.map((local) => [`omega/${local}`, `omega/${path.bind[local]}`])),
    next: ({before, after, lossGradients, carried}) =>
      Object.fromEntries(
        trainable.map((local) => {
          const moved = tf.sub(after[local]!, before[local]!);
          return [`omega/${local}`, tf.sub(carried[`omega/${local}`]!, tf.mul(lossGradients[local]!, moved))];
        }),
      ),
  };
}

/** The state without the way of the task, which has become importance. */
function arrived(state: StrategyState, parameters: Parameters, damping: number, task: Task): StrategyState {
  const arrays: Record<string, HostArray> = Object.fromEntries(
    Object.entries(state.arrays).filter(([name]) => !name.startsWith(startOf) && !name.startsWith('omega/')),
  );
  for (const [name, start] of Object.entries(state.arrays)) {
    if (!name.startsWith(startOf)) continue;
    const path = name.slice(startOf.length);
    const now = parameters[path]!;
    const omega = state.arrays[`omega/${path}`]!.data;
    const before = state.arrays[`importance/${path}`]?.data;
    const importance = Float32Array.from(omega, (share, i) => {
      const moved = now.data[i]! - start.data[i]!;
      return (before ? before[i]! : 0) + Math.max(0, share) / (moved * moved + damping);
    });
    requireFinite('SI', importance, path, task);
    arrays[`importance/${path}`] = hostArray(importance, now.shape, 'float32');
    arrays[`mean/${path}`] = now;
  }
  return {values: state.values, arrays};
}
