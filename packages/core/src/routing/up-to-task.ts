import {define} from '@accrete/kit';
import {available, wholly} from './membership.ts';
import type {Router} from './router.ts';

/**
 * Fixed routing: a task uses the modules that it and all earlier tasks brought, at full weight.
 *
 * Source: Rusu et al. 2016, every earlier column feeds the new one, https://arxiv.org/abs/1606.04671. Deviations: none.
 */
export const upToTask = define({
  kind: 'up-to-task',
  summary: 'Fixed: a task uses its modules and those of all tasks before it.',
  source: {cite: 'Rusu et al. 2016, every earlier column feeds the new one', url: 'https://arxiv.org/abs/1606.04671'},
  options: {},
  create: (): Router => ({
    level: 'task',
    scores: 'fixed',
    active: available,
    route: wholly,
  }),
});
