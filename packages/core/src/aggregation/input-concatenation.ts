import {define, HarnessError} from '@accrete/kit';
import type {Base} from '../modules/module.ts';
import type {Aggregator} from './aggregator.ts';
import {needsWidthOfBase, takesWholly} from './fit.ts';

/**
 * Concatenation of inputs: y = f([phi_K, ..., phi_2, phi_1, h]). Every prompt or prefix is put in front of what those before it
 * have made; that is, each takes the base with the earlier ones in it for its base.
 *
 * Modules take part wholly or not at all, so routers are fixed; the weighted sum of prompts, f([sum_j alpha_j phi_j, h]), is
 * `parameter-average`.
 *
 * Source: Pfeiffer et al. 2023 (modular deep learning), input aggregation, https://arxiv.org/abs/2302.11529.
 */
export const inputConcatenation = define({
  kind: 'input-concatenation',
  summary: 'The prompts or prefixes of all active modules, one in front of the other.',
  source: {cite: 'Pfeiffer et al. 2023, input aggregation', url: 'https://arxiv.org/abs/2302.11529'},
  options: {},
  create: (): Aggregator => ({
    level: 'input',
    width: (base) => base,
    refusal: (site, computation) =>
      computation.composition === 'input'
        ? needsWidthOfBase('a concatenation of inputs', site, computation)
        : `a concatenation of inputs needs prompts or prefixes, not ${computation.composition} composition`,
    refusalOfScores: (router) =>
      takesWholly(router)
        ? null
        : 'a concatenation of inputs takes modules wholly, and this router weighs them: average parameters instead',
    run: ({base, modules, alpha}) => {
      if (alpha !== null) {
        throw new HarnessError(
          'E_COMBINATION',
          'a concatenation of inputs takes modules wholly, and here they serve some rows of a batch only. Train one task at a time, or average parameters.',
          {alpha: alpha.shape},
        );
      }
      const whole = modules.reduce<Base>((inner, module) => {
        const here = module.with({base: inner});
        return {
          parameters: inner.parameters,
          run: (h) => here.with({h}).output(),
          output: () => here.output(),
        };
      }, base);
      return whole.output();
    },
  }),
});
