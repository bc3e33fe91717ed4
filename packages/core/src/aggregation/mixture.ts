import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Aggregator} from './aggregator.ts';
import {needsScoredPositions, needsWholeGroups, needsWidthOfBase, requireOneComputation} from './fit.ts';
import {weigh} from './weigh.ts';

/**
 * Mixture of representations: y = sum_j alpha_j f'(h; theta, phi_j). Experts take the place of the base, which is not computed;
 * without modules the base is all there is.
 *
 * Source: Jacobs et al. 1991, mixture of experts, https://doi.org/10.1162/neco.1991.3.1.79. Deviations: none.
 */
export const mixture = define({
  kind: 'mixture',
  summary: 'The weighted sum of what the modules make of the input, in place of the base.',
  source: {cite: 'Jacobs et al. 1991, mixture of experts', url: 'https://doi.org/10.1162/neco.1991.3.1.79'},
  options: {},
  create: (): Aggregator => ({
    level: 'representation',
    takesHeads: true,
    width: (base) => base,
    refusal: (site, computation) => needsWidthOfBase('a mixture', site, computation),
    refusalOfScores: (router, {units}, computation) =>
      needsScoredPositions(router, computation) ?? needsWholeGroups(router, units, 'units'),
    run: ({base, modules, ...scores}) => {
      if (modules.length === 0) return base.output();
      if (modules.some(({computation}) => computation.lengthens)) {
        requireOneComputation(modules, 'a mixture of lengthened sequences');
      }
      return modules.map((module, j) => weigh(module.output(), scores, j)).reduce((total, y) => tf.add(total, y));
    },
  }),
});
