import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Aggregator} from './aggregator.ts';

/**
 * Concatenation of representations: y = [f(h[..base]; theta), alpha_1 f(h; phi_1), ...].
 *
 * The base reads only the units that bases before it put out, so its function does not change as modules come; modules read
 * everything that is active.
 */
export const concatenation = define({
  kind: 'concatenation',
  summary: 'The outputs of the active modules stand beside that of the base; the base never reads them.',
  source: {cite: 'Rusu et al. 2016, columns with lateral connections', url: 'https://arxiv.org/abs/1606.04671'},
  options: {},
  create: (): Aggregator => ({
    level: 'representation',
    width: (base, widths) => widths.reduce((total, width) => total + width, base),
    refusal: () => null,
    run: ({h, base, baseInputs, modules, scores}) => {
      const own = h.shape[1] === baseInputs ? h : tf.slice(h, [0, 0], [-1, baseInputs]);
      const outputs = modules.map((module, j) => {
        const output = module(h);
        return scores ? tf.mul(output, tf.slice(scores, [0, j], [-1, 1])) : output;
      });
      return outputs.length === 0 ? base(own) : tf.concat([base(own), ...(outputs as tf.Tensor2D[])], 1);
    },
  }),
});
