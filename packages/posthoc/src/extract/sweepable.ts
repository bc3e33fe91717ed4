import type {Network} from '@accrete/core';
import type {TaskData} from '../data/examples.ts';
import type {Plan} from '../plan/plan.ts';
import type {Analysis, Extractor} from './extractor.ts';

/** What an analysis is given. */
type Given = Parameters<Extractor['analyse']>;

/**
 * An extractor of masks that learns something of every weight, and then keeps a share of the weights by it.
 *
 * @param share of the weights to keep; null where what was learned says how many.
 */
export function sweepable<Learned, Share extends number | null>(
  share: Share,
  learn: (...given: Given) => Promise<Learned>,
  keep: (learned: Learned, share: Share | number, ...given: Given) => Plan,
): Extractor {
  return {
    gives: 'mask',
    analyse: async (...given) => keep(await learn(...given), share, ...given),
    sweep: async (network: Network, data: TaskData, analysis: Analysis, densities: readonly number[]) => {
      const learned = await learn(network, data, analysis);
      return densities.map((density) => keep(learned, density, network, data, analysis));
    },
  };
}
