import {freeze, optimizers} from '@accrete/core';
import {define} from '@accrete/kit';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import {nothing} from './quadratic-pull.ts';
import type {Strategy} from './strategy.ts';
import {maskedStep, throughMasks, withMasks, withoutScores, withScores} from './weight-masks.ts';

/**
 * Piggyback: the first task trains the base, which is then frozen; every later task learns which of its weights to use.
 *
 *   kernel of task t = W * 1[m_t >= threshold],   m_t starts at 0.01 everywhere, so at first every weight is used
 *
 * The gradient of the mask goes to the scores m_t as it is (straight through). They have an optimiser of their own. Biases stay
 * those of the first task; each task has a head of its own.
 *
 * @param options.threshold tau in the paper.
 * @param options.optimizer moves the scores.
 *
 * Memory: one bit per weight and task.
 */
export const piggyback = define({
  kind: 'piggyback',
  summary: 'The first task trains the base; every later one learns a binary mask over its weights.',
  source: {
    cite: 'Mallya, Davis and Lazebnik 2018 (Piggyback)',
    url: 'https://arxiv.org/abs/1801.06519',
    deviations: ['the base is what the first task trained, not a network trained on other data'],
  },
  options: {
    threshold: z.number().gt(0).lt(0.01).default(0.005).describe('tau: scores from here on are in the mask'),
    optimizer: optimizers.schema.prefault({kind: 'adam', learningRate: 0.001}).describe('moves the scores'),
  },
  create: ({threshold, optimizer}): Strategy => {
    const rule = {least: threshold};
    return {
      taskSpecific: true,
      mixesTasks: false,
      rehearsalRows: 0,
      plan: ({task, network, state, seeds}) => {
        if (task.index === 0) return {};
        const {network: still, frozen} = freeze(network, ({id}) => !id.startsWith('head/'));
        const scored = withScores(state, still, optimizer, seeds, () => 0.01);
        if (frozen.length === 0) return {state: scored};
        const reason = 'later tasks choose among the weights of the first one';
        return {
          network: still,
          state: scored,
          growth: [growthNote('freeze', frozen, reason)],
        };
      },
      step: ({task, state, path}) => (task.index === 0 ? nothing : maskedStep(state, path, optimizer, rule)),
      consolidate: async ({task, state}) =>
        task.index === 0 ? {} : {state: withoutScores(withMasks(state, task.index, rule))},
      view: ({network, state, task}) => throughMasks(network, state, task),
    };
  },
});
