import {define} from '@accrete/kit';
import {wholly} from './membership.ts';
import type {Router} from './router.ts';

/**
 * Fixed routing: a task uses the modules that it brought, at full weight.
 *
 * Source: Pfeiffer et al. 2023, fixed routing by metadata, https://arxiv.org/abs/2302.11529. Deviations: none.
 */
export const byTask = define({
  kind: 'by-task',
  summary: 'Fixed: a task uses the modules that it brought.',
  source: {cite: 'Pfeiffer et al. 2023, fixed routing by metadata', url: 'https://arxiv.org/abs/2302.11529'},
  options: {},
  create: (): Router => ({
    level: 'task',
    scores: 'fixed',
    active: (inventory, task) => inventory.filter((module) => module.task === task),
    route: wholly,
  }),
});
