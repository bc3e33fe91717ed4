import {freeze} from '@accrete/core';
import {define} from '@accrete/kit';
import {growthNote} from './growth-note.ts';
import type {Strategy} from './strategy.ts';

/**
 * A frozen base with probes: the first task trains the whole network; from then on all but the head is frozen and only the
 * head learns. With a head per task nothing is forgotten, and a task is as good as the first task's features are for it; a
 * growing or single head still moves as a whole.
 */
export const frozenBase = define({
  kind: 'frozen-base',
  summary: 'The first task trains the base; from then on only the head learns (a lower bound for growth).',
  source: {cite: 'house baseline; the "SGD-F" row of Serrà et al. 2018', url: 'https://arxiv.org/abs/1801.01423'},
  options: {},
  create: (): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network}) => {
      if (task.index === 0) return {};
      const {network: still, frozen} = freeze(network, ({id}) => !id.startsWith('head/'));
      if (frozen.length === 0) return {};
      const reason = 'the base is what the first task made of it; only the head learns from here on';
      return {network: still, growth: [growthNote('freeze', frozen, reason)]};
    },
  }),
});
