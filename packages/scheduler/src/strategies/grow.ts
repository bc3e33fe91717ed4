import {computations, freeze, growModules} from '@accrete/core';
import {define} from '@accrete/kit';
import * as z from 'zod';
import {growthNote} from './growth-note.ts';
import type {Strategy} from './strategy.ts';

/**
 * Growth: the first task trains the base; from then on the base is frozen, and every task brings a module at each site and
 * freezes those before it. Which modules a task uses is the router's matter (`by-task`: its own), how they join the base the
 * aggregator's.
 *
 * @param options.module computation of the modules that come.
 * @param options.sites the sites that they come to.
 * @param options.base `first-task`: the base trains with task 0 and is then frozen; `random`: it is frozen from the start, and
 *   task 0 brings modules, too.
 */
export const grow = define({
  kind: 'grow',
  summary: 'A new module per task beside a shared frozen base; old modules frozen.',
  source: {
    cite: 'Pfeiffer et al. 2023, continual setting; Rusu et al. 2016 for freezing what came before',
    url: 'https://arxiv.org/abs/2302.11529',
    deviations: ['the baseline of the family: growth at every task, without a search over what to reuse'],
  },
  options: {
    module: computations.schema.prefault({kind: 'low-rank', rank: 32}).describe('the modules that come'),
    sites: z
      .array(z.string().min(1))
      .min(1)
      .nullable()
      .default(null)
      .describe('ids of the sites that they come to, * for any characters; null: wherever they can stand'),
    base: z.enum(['first-task', 'random']).default('first-task').describe('what the frozen base learned'),
  },
  create: ({module, sites, base}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, seeds}) => {
      if (task.index === 0 && base === 'first-task') return {};
      const frozen = freeze(network, () => true);
      const growth = {computation: module, task: task.index, ...(sites === null ? {} : {sites})};
      const grown = growModules(frozen.network, growth, seeds.fork('init'));
      const {added, parametersAdded} = grown;
      const stood = growthNote('freeze', frozen.frozen, 'what earlier tasks learned never moves again');
      const came = growthNote('add', added, 'every task brings a module at each site', parametersAdded);
      return {network: grown.network, growth: frozen.frozen.length > 0 ? [stood, came] : [came]};
    },
  }),
});
