import {define} from '@accrete/kit';
import * as z from 'zod';
import {wholly} from './membership.ts';
import type {Router} from './router.ts';

/**
 * Fixed routing by metadata: tasks of one label (a language, a domain, a data set) share the modules that any of them has brought
 * so far.
 *
 * @param options.labels the label of each task by index; a task without one shares with none.
 *
 * Source: Pfeiffer et al. 2023, fixed routing by metadata; by domain: Gururangan et al. 2022, DEMix,
 * https://arxiv.org/abs/2108.05036. Deviations: none.
 */
export const byMetadata = define({
  kind: 'by-metadata',
  summary: 'Fixed: tasks of one label share the modules that they brought.',
  source: {
    cite: 'Pfeiffer et al. 2023, fixed routing by metadata; by domain: Gururangan et al. 2022, DEMix',
    url: 'https://arxiv.org/abs/2108.05036',
  },
  options: {labels: z.array(z.string().min(1)).default([]).describe('label of each task, by index')},
  create: ({labels}): Router => ({
    level: 'task',
    scores: 'fixed',
    active: (inventory, task) =>
      inventory.filter(
        ({task: brought}) =>
          brought === task ||
          (brought !== null && brought < task && labels[task] !== undefined && labels[brought] === labels[task]),
      ),
    route: wholly,
  }),
});
