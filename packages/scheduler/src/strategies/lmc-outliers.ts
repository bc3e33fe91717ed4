import type {SeedStream} from '@accrete/kit';

/** A module's error over the examples that it was trained on. */
export interface Usual {
  readonly mean: number;
  readonly deviation: number;
}

/** How a layer is judged: examples of a batch, and how often all examples pass. */
export interface Judging {
  readonly batch: number;
  readonly passes: number;
}

/**
 * How unusual the mean error of some examples is to a module:
 *
 *   z = (mean of e - mu) / (sigma / sqrt(size))
 *
 * Infinite where the module's error never varied, and is another now.
 */
export function deviationsOff({mean, deviation}: Usual, found: number, size: number): number {
  const off = (found - mean) * Math.sqrt(size);
  return off === 0 ? 0 : off / deviation;
}

/**
 * z of every module in the batch that they recognise least: the one in which the least of their |z| is largest.
 *
 * @param errors of each module, one per example. @param seeds of the order of each pass; its last batch may be a smaller one.
 */
export function leastRecognised(
  errors: readonly (readonly number[])[],
  usual: readonly Usual[],
  {batch, passes}: Judging,
  seeds: SeedStream,
): readonly number[] {
  const examples = errors[0]?.length ?? 0;
  let least: {readonly z: readonly number[]; readonly closest: number} = {z: [], closest: -1};
  for (let pass = 0; pass < passes; pass++) {
    const order = seeds.fork('pass', pass).permutation(examples);
    for (let from = 0; from < examples; from += batch) {
      const chosen = order.subarray(from, from + batch);
      const z = errors.map((own, m) => {
        const mean = chosen.reduce((sum, at) => sum + own[at]!, 0) / chosen.length;
        return deviationsOff(usual[m]!, mean, chosen.length);
      });
      const closest = Math.min(...z.map(Math.abs));
      if (closest > least.closest) least = {z, closest};
    }
  }
  return least.z;
}
