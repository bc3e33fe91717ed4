import {define} from '@accrete/kit';
import type {Elementwise} from './array-family.ts';
import {elementwiseMerger, type Merger} from './merger.ts';

/** The plain mean of the weights: theta = 1/T sum_t theta_t. */
export const average = define({
  kind: 'average',
  summary: 'The mean of the weights.',
  source: {cite: 'Wortsman et al. 2022 (uniform soup)', url: 'https://arxiv.org/abs/2203.05482'},
  options: {},
  create: (): Merger => elementwiseMerger(false, mean),
});

const mean: Elementwise = (arrays, write) => {
  for (const name of arrays.names) {
    const sums = new Float64Array(arrays.size(name));
    for (let network = 0; network < arrays.networks; network++) {
      const own = arrays.of(network, name);
      for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + own[i]!;
    }
    write(
      name,
      Float32Array.from(sums, (sum) => sum / arrays.networks),
    );
  }
};
