import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Aggregator} from './aggregator.ts';
import {weigh} from './weigh.ts';

/**
 * Concatenation of representations: y = [f(h[..base]; theta), alpha_1 f(h; phi_1), ...].
 *
 * The base reads only the units that bases before it put out, so its function does not change as modules come; modules read
 * everything that is active.
 *
 * Source: Rusu et al. 2016, columns with lateral connections, https://arxiv.org/abs/1606.04671. Deviations: none.
 */
export const concatenation = define({
  kind: 'concatenation',
  summary: 'The outputs of the active modules stand beside that of the base; the base never reads them.',
  source: {cite: 'Rusu et al. 2016, columns with lateral connections', url: 'https://arxiv.org/abs/1606.04671'},
  options: {},
  create: (): Aggregator => ({
    level: 'representation',
    widens: true,
    width: (base, widths) => widths.reduce((total, width) => total + width, base),
    refusal: (_, {form}) =>
      form === 'output'
        ? 'a concatenation needs modules that put out something beside the base, not in its place'
        : null,
    run: ({base, modules, ...scores}) => {
      const outputs = modules.map((module, j) => weigh(module.delta(), scores, j));
      return outputs.length === 0 ? base.output() : tf.concat([base.output(), ...outputs], -1);
    },
  }),
});
