import {define} from '@accrete/kit';
import * as z from 'zod';
import type {Aggregator} from './aggregator.ts';
import {layerOnTop, needsToReadOutput} from './on-top.ts';

/**
 * A sequence of layers behind the base, each of which may be skipped.
 *
 *   y_0 = f(h; theta),   y_j = (1 - alpha_j) y_(j-1) + alpha_j f(a(y_(j-1)); phi_j)
 *
 * The order is that of the inventory. A layer that is scored 0 is skipped, one that is scored 1 takes the place of what came.
 *
 * @param options.activation a: what every layer applies to what it reads.
 *
 * Source: Rosenbaum et al. 2018 (routing networks choose what to apply next), https://arxiv.org/abs/1711.01239; skipping as in Sun et
 * al. 2020 (AdaShare), https://arxiv.org/abs/1911.12423. Deviations: the order is fixed.
 */
export const sequence = define({
  kind: 'sequence',
  summary: 'Layers one behind the other after the base, each of which may be skipped.',
  source: {
    cite: 'Rosenbaum et al. 2018, routing networks; skipping: Sun et al. 2020, AdaShare',
    url: 'https://arxiv.org/abs/1911.12423',
    deviations: ['the order of layers is fixed'],
  },
  options: {
    activation: z
      .enum(['relu', 'tanh', 'sigmoid', 'gelu', 'linear'])
      .default('relu')
      .describe('applied to what every layer reads'),
  },
  create: ({activation}): Aggregator => ({
    level: 'function',
    width: (base) => base,
    refusal: (site, computation) =>
      computation.form === 'layer'
        ? needsToReadOutput('a sequence', site, computation)
        : 'a sequence needs layers that stand on their own: put adapters in a stack',
    run: ({base, modules, alpha}) =>
      modules.reduce((y, module, j) => layerOnTop(module, y, alpha, j, activation), base.output()),
  }),
});
