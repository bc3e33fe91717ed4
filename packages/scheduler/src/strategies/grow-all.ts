import {type Grown, type Growth, growModules, type Network} from '@accrete/core';
import type {SeedStream} from '@accrete/kit';

/** Several growths, one after the other: what all of them bring. */
export function growAll(network: Network, growths: readonly Growth[], seeds: SeedStream): Grown {
  return growths.reduce<Grown>(
    (before, growth) => {
      const {network: next, added, parametersAdded} = growModules(before.network, growth, seeds);
      return {
        network: next,
        added: [...before.added, ...added],
        parametersAdded: before.parametersAdded + parametersAdded,
      };
    },
    {network, added: [], parametersAdded: 0},
  );
}
