import {freeze, type Network, optimizers, withParameters} from '@accrete/core';
import {define, type HostArray, hostArray} from '@accrete/kit';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import type {Strategy} from './strategy.ts';
import {
  fanIn,
  masked,
  maskedStep,
  throughMasks,
  unmasked,
  withMasks,
  withoutScores,
  withScores,
} from './weight-masks.ts';

/**
 * Supermasks in superposition: the weights are random and never trained; every task learns which of them to use.
 *
 *   kernel of task t = W * 1[s_t >= 0],   W = sign(initial W) * gain / sqrt(fan-in),   s_t ~ U(-b, b), b = 1 / sqrt(fan-in)
 *
 * so that a task starts with about half of the weights. The gradient of the mask goes to the scores s_t as it is (straight
 * through). They have an optimiser of their own. Biases are 0; each task has a head of its own, which is trained. Where the task is
 * withheld, `taskInference: superposition` infers it from the gradient over superposed masks.
 *
 * @param options.gain of the signed constants; sqrt(2) suits relu.
 * @param options.optimizer moves the scores.
 *
 * Memory: one bit per weight and task.
 */
export const supsup = define({
  kind: 'supsup',
  summary: 'Random weights that never train; every task learns a binary mask over them.',
  source: {
    cite: 'Wortsman et al. 2020 (SupSup)',
    url: 'https://arxiv.org/abs/2006.14769',
    deviations: ['the head of a task is trained, not masked'],
  },
  options: {
    gain: z.number().gt(0).default(Math.SQRT2).describe('of the random weights'),
    optimizer: optimizers.schema.prefault({kind: 'adam', learningRate: 0.001}).describe('moves the scores'),
  },
  create: ({gain, optimizer}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, state, seeds}) => {
      const drawn = (given: Network) =>
        withScores(state, given, optimizer, seeds, (shape, own) => (2 * own.uniform() - 1) / Math.sqrt(fanIn(shape)));
      if (task.index > 0) return {state: drawn(network)};
      const {network: still, frozen} = freeze(signedConstants(network, gain), ({id}) => !id.startsWith('head/'));
      const reason = 'weights are random for good; tasks choose among them';
      return {
        network: still,
        state: drawn(still),
        growth: [growthNote('freeze', frozen, reason)],
      };
    },
    step: ({state, path}) => maskedStep(state, path, optimizer, rule),
    consolidate: async ({task, state}) => ({state: withoutScores(withMasks(state, task.index, rule))}),
    view: ({network, state, task}) => throughMasks(network, state, task),
  }),
});

const rule = {least: 0};

function signedConstants(network: Network, gain: number): Network {
  const replaced: Record<string, HostArray<'float32'>> = {};
  for (const path of masked(network)) {
    const {shape, data} = network.parameters[path]!;
    const size = gain / Math.sqrt(fanIn(shape));
    replaced[path] = hostArray(
      data.map((weight) => (weight < 0 ? -size : size)),
      shape,
      'float32',
    );
  }
  for (const path of unmasked(network)) {
    const {shape, data} = network.parameters[path]!;
    replaced[path] = hostArray(new Float32Array(data.length), shape, 'float32');
  }
  return withParameters(network, replaced);
}
