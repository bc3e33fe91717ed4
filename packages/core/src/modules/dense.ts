import {define} from '@accrete/kit';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {keepsPlaces} from './kept-places.ts';
import {linear} from './linear.ts';
import type {Computation} from './module.ts';

/**
 * A dense layer: output = h W + b.
 *
 * As a base or a head segment it is the layer itself; as a module beside a base it is a full-width unit block ("expert"
 * where summed, "column" where concatenated).
 *
 * @param options.units width of the output; the base's where null.
 * @param options.bias whether there is a bias.
 *
 * Source: Pfeiffer et al. 2023, function composition; summed: Jacobs et al. 1991, concatenated: Rusu et al. 2016,
 * https://arxiv.org/abs/2302.11529. Deviations: none.
 */
export const dense = define({
  kind: 'dense',
  summary: 'A dense layer of its own: output = h W + b.',
  source: {
    cite: 'Pfeiffer et al. 2023, function composition; summed: Jacobs et al. 1991, concatenated: Rusu et al. 2016',
    url: 'https://arxiv.org/abs/2302.11529',
  },
  options: {
    units: z.int().min(1).nullable().default(null).describe('width of the output; null takes the width of the base'),
    bias: z.boolean().default(true).describe('whether a bias is added'),
    initializer: initializers.schema.prefault({kind: 'torch-linear'}).describe('how the weights start'),
  },
  create: ({units, bias, initializer}): Computation => {
    const start = initializers.parse(initializer);
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: initializer.kind === 'zeros',
      perExample: true,
      columnwise: true,
      width: (site) => units ?? site.units,
      refusal: (site) =>
        site.beside === null || keepsPlaces(site)
          ? null
          : `dense computes every position by itself, which a base of kind ${site.beside.kind} here does not`,
      parameters: (site) => {
        const fans = {fanIn: site.inputs, fanOut: units ?? site.units, initializer: start};
        const kernel = {shape: [fans.fanIn, fans.fanOut], ...fans};
        return bias ? {kernel, bias: {shape: [fans.fanOut], ...fans}} : {kernel};
      },
      run: ({h, parameters: {kernel, bias: shift}}) => linear(h, kernel!, shift),
    };
  },
});
