import {define} from '@accrete/kit';
import * as z from 'zod';
import {type Architecture, denseConfig, inputSpec, networkOf, type Stage} from './architecture.ts';
import {siteOptions} from './options.ts';

const nonlinearity = z.enum(['relu', 'tanh', 'sigmoid', 'gelu', 'linear']);

/**
 * A multilayer perceptron whose hidden layers are sites `layer0`, `layer1`, ...
 *
 * Source: standard.
 */
export const mlp = define({
  kind: 'mlp',
  summary: 'A multilayer perceptron; every hidden layer is a site where modules can stand.',
  source: {cite: 'standard'},
  options: {
    hidden: z.array(z.int().min(1)).min(1).default([256, 256]).describe('units of the hidden layers'),
    activation: nonlinearity.default('relu').describe('non-linearity of the hidden layers'),
    lastActivation: nonlinearity
      .optional()
      .describe('that of the last hidden layer, which reaches the head; absent: that of the others'),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('chance of every output of a hidden layer to be set to 0 while the layer trains'),
    ...siteOptions,
  },
  create: (options): Architecture => ({
    build: (purpose, seeds) => {
      const {hidden, activation, lastActivation = activation, initializer, normalisation} = options;
      const input = inputSpec(purpose.input, normalisation);
      const computation = denseConfig(initializer);
      const sites = hidden.map((units, i) => {
        const inputs = i === 0 ? input.features : hidden[i - 1]!;
        const last = i === hidden.length - 1;
        return {id: `layer${i}`, computation, inputs, units, activation: last ? lastActivation : activation};
      });
      return networkOf({kind: 'mlp', options, chain: true, input, sites, features: hidden.at(-1)!}, purpose, seeds);
    },
    stages: () =>
      options.hidden.map((_, i): Stage => {
        const id = `layer${i}`;
        return {sites: [id], run: (h, {at, drop}) => drop(id, at(id, h), options.dropout)};
      }),
  }),
});
