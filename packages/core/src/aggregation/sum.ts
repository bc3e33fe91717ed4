import {define, HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Aggregator} from './aggregator.ts';
import {needsScoredPositions, needsWholeGroups, needsWidthOfBase, takesWholly} from './fit.ts';
import {weigh} from './weigh.ts';

/**
 * Sum of representations: y = f(h; theta) + sum_j alpha_j (f'(h; theta, phi_j) - f(h; theta)); an expert adds what it puts
 * out by itself.
 *
 * Source: Pfeiffer et al. 2023, representation aggregation, https://arxiv.org/abs/2302.11529. Deviations: none.
 */
export const sum = define({
  kind: 'sum',
  summary: 'What the active modules add is added to the output of the base.',
  source: {cite: 'Pfeiffer et al. 2023, representation aggregation', url: 'https://arxiv.org/abs/2302.11529'},
  options: {},
  create: (): Aggregator => ({
    level: 'representation',
    takesHeads: true,
    width: (base) => base,
    refusal: (site, computation) => needsWidthOfBase('a sum', site, computation),
    refusalOfScores: (router, {units}, computation) =>
      needsScoredPositions(router, computation) ??
      needsWholeGroups(router, units, 'units') ??
      (computation.lengthens && !takesWholly(router)
        ? 'a sum takes one module that lengthens sequences, wholly: aggregate by a mixture or an average of parameters'
        : null),
    run: ({base, modules, ...scores}) => {
      const [only] = modules;
      // One whole module: f'(h), without f(h) added and taken away again.
      if (modules.length === 1 && scores.alpha === null && only!.computation.form === 'output') return only!.output();
      if (modules.some(({computation}) => computation.lengthens)) {
        throw new HarnessError(
          'E_COMBINATION',
          `a sum takes one module that lengthens sequences, got ${modules.length}. Concatenate inputs, or average parameters.`,
        );
      }
      return modules.reduce((total, module, j) => tf.add(total, weigh(module.delta(), scores, j)), base.output());
    },
  }),
});
