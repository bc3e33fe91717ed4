import type {Network} from '@accrete/core';
import {HarnessError} from '@accrete/kit';

/** The arrays of networks that fit together, one name at a time. */
export interface ArrayFamily {
  readonly names: readonly string[];
  readonly networks: number;
  /** Numbers in an array. */
  size(name: string): number;
  /** @throws HarnessError E_COMBINATION where there is no base. */
  base(name: string): Float32Array;
  of(network: number, name: string): Float32Array;
}

/**
 * Merges array by array, number by number: with nothing in memory but what one name has in every network.
 *
 * @param write takes over a merged array; a name may come a second time, and the last word counts.
 */
export type Elementwise = (arrays: ArrayFamily, write: (name: string, data: Float32Array) => void) => void;

/** The parameters of networks in memory. */
export function familyOf(base: Network | null, networks: readonly Network[]): ArrayFamily {
  const [first] = networks;
  const names = Object.keys((base ?? first)?.parameters ?? {});
  return {
    names,
    networks: networks.length,
    size: (name) => (base ?? first)!.parameters[name]!.data.length,
    base: (name) => (base ?? noBase()).parameters[name]!.data,
    of: (network, name) => networks[network]!.parameters[name]!.data,
  };
}

/** @throws HarnessError E_COMBINATION */
export function noBase(): never {
  throw new HarnessError('E_COMBINATION', 'the method works on changes from a base, and none is given.');
}
