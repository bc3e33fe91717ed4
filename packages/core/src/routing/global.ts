import {define, type ParsedConfig} from '@accrete/kit';
import type * as z from 'zod';
import type {Router} from './router.ts';

/** Where routers come from. */
export interface RouterSource {
  readonly schema: z.ZodType<ParsedConfig>;
  parse(config: unknown): Router;
}

/**
 * Global routing: one router for the whole network. It stands at the first site where there are modules and weighs those from what
 * comes in there; the modules of the same names at every other site get the same weights. With |M| modules at each of l sites a
 * network has |M| paths, and not |M|^l as where every site has a router of its own.
 *
 * All sites with modules need the same ones. What the router learns, and its auxiliary losses, are there once. Scores by position
 * hold only at sites with the same positions.
 *
 * @param options.router the router that decides.
 *
 * Source: Pfeiffer et al. 2023, https://arxiv.org/abs/2302.11529, routing level: global against layer-wise. Deviations: none.
 */
export const globalRouter = (single: RouterSource) =>
  define({
    kind: 'global',
    summary: 'One router for all sites: what it decides at the first one holds at every other.',
    source: {cite: 'Pfeiffer et al. 2023, routing level: global', url: 'https://arxiv.org/abs/2302.11529'},
    options: {
      router: single.schema.prefault({kind: 'softmax', level: 'task'}).describe('the router that decides'),
    },
    create: ({router}): Router => ({...single.parse(router), global: true}),
  });
