import {define, HarnessError} from '@accrete/kit';
import * as z from 'zod';
import type {Elementwise} from './array-family.ts';
import {elementwiseMerger, type Merger} from './merger.ts';

/**
 * Sums of task vectors: theta = theta_0 + scale sum_t w_t (theta_t - theta_0).
 *
 * A weight of 1 adds a task, -1 takes it away; the analogy "A is to B as C is to ?" has weights -1, 1, 1 for A, B, C. A scale of
 * 0 gives the base, bit for bit.
 *
 * Source: Ilharco et al. 2023, https://arxiv.org/abs/2212.04089, section 2.
 */
export const taskArithmetic = define({
  kind: 'task-arithmetic',
  summary: 'The base plus weighted sums of what training changed: add, negate, analogy.',
  source: {cite: 'Ilharco et al. 2023, section 2', url: 'https://arxiv.org/abs/2212.04089'},
  options: {
    scale: z.number().default(0.4).describe('lambda, on all task vectors; chosen on validation data'),
    weights: z.array(z.number()).nullable().default(null).describe('one per network; null: 1 each'),
  },
  create: ({scale, weights}): Merger => elementwiseMerger(true, sumOf(scale, weights)),
});

function sumOf(scale: number, weights: readonly number[] | null): Elementwise {
  return (arrays, write) => {
    const factors = weights ?? Array.from({length: arrays.networks}, () => 1);
    if (factors.length !== arrays.networks) {
      throw new HarnessError(
        'E_COMBINATION',
        `task-arithmetic has ${factors.length} weights for ${arrays.networks} networks. Give one each.`,
      );
    }
    for (const name of arrays.names) {
      const start = arrays.base(name);
      const changes = new Float64Array(start.length);
      for (const [network, factor] of factors.entries()) {
        const own = arrays.of(network, name);
        for (let i = 0; i < start.length; i++) changes[i] = changes[i]! + factor * (own[i]! - start[i]!);
      }
      write(
        name,
        start.map((value, i) => (changes[i]! * scale === 0 ? value : value + scale * changes[i]!)),
      );
    }
  };
}
