import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Aggregator} from './aggregator.ts';

/** Sum of representations: y = f(h; theta) + sum_j alpha_j f(h; phi_j). */
export const sum = define({
  kind: 'sum',
  summary: 'The outputs of the active modules are added to that of the base.',
  source: {cite: 'Pfeiffer et al. 2023, representation aggregation', url: 'https://arxiv.org/abs/2302.11529'},
  options: {},
  create: (): Aggregator => ({
    level: 'representation',
    width: (base) => base,
    refusal: (base, width) =>
      width === base ? null : `a sum needs modules as wide as the base (${base} units), got ${width}`,
    run: ({h, base, modules, scores}) =>
      modules.reduce((total: tf.Tensor2D, module, j) => {
        const output = module(h);
        return tf.add(total, scores ? tf.mul(output, tf.slice(scores, [0, j], [-1, 1])) : output);
      }, base(h)),
  }),
});
