import {define} from '@accrete/kit';
import * as z from 'zod';
import {wholly} from './membership.ts';
import type {Candidate, Router} from './router.ts';

/**
 * Fixed routing that is given as data: each task's modules by name, all at full weight. This is what a structure search writes
 * down, and how several tasks are told to share modules.
 *
 * @param options.modules for each task by index, the names of its modules: the last part of a module's id, after `module:`. A
 *   task that is not listed, or has an empty list, uses none. Names that are not there are left out.
 *
 * Source: Pfeiffer et al. 2023, fixed routing, https://arxiv.org/abs/2302.11529. Deviations: none.
 */
export const assigned = define({
  kind: 'assigned',
  summary: 'Fixed: the modules of every task are listed, as a structure search finds them.',
  source: {cite: 'Pfeiffer et al. 2023, fixed routing', url: 'https://arxiv.org/abs/2302.11529'},
  options: {
    modules: z
      .array(z.array(z.string().min(1)))
      .default([])
      .describe('names of the modules of each task, by index'),
  },
  create: ({modules}): Router => {
    const named = modules.map((names) => new Set(names));
    return {
      level: 'task',
      scores: 'fixed',
      active: (inventory, task) => inventory.filter((module) => named[task]?.has(nameOf(module))),
      route: wholly,
    };
  },
});

/** The last part of a module's id: `layer0/module:3` is called `3`. */
export function nameOf({id}: Candidate): string {
  return id.slice(id.lastIndexOf(':') + 1);
}
