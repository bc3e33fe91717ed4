import {define} from '@accrete/kit';
import type {Aggregator} from './aggregator.ts';
import {adapterOnTop, needsToComeAfter} from './on-top.ts';

/**
 * Function composition of modules: each stands on what the one before it made of the output of the base.
 *
 *   y_0 = f(h; theta),   y_j = y_(j-1) + alpha_j delta_j(y_(j-1))
 *
 * The order is that of the inventory: in MAD-X a language's adapter comes first, the task's on top of it. A module that is scored
 * 0 is passed by.
 *
 * Source: Pfeiffer et al. 2020 (MAD-X), https://arxiv.org/abs/2005.00052, section 4.3. Deviations: modules may be weighted.
 */
export const stack = define({
  kind: 'stack',
  summary: 'Modules one on top of the other: each reads what the one before it made of the output of the base.',
  source: {
    cite: 'Pfeiffer et al. 2020, MAD-X, section 4.3',
    url: 'https://arxiv.org/abs/2005.00052',
    deviations: ['modules may be weighted by a router'],
  },
  options: {},
  create: (): Aggregator => ({
    level: 'function',
    width: (base) => base,
    refusal: (site, computation) =>
      computation.form === 'layer'
        ? 'a stack needs modules that build on the output of the base: put layers in a sequence'
        : needsToComeAfter('a stack', site, computation),
    run: ({base, modules, alpha}) =>
      modules.reduce((y, module, j) => adapterOnTop(module, base, y, alpha, j), base.output()),
  }),
});
