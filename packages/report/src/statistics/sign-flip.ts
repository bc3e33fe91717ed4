import {HarnessError} from '@accrete/kit';

/** Outcome of a paired test. */
export interface SignFlipTest {
  /** Two-sided p, in (0, 1]. */
  readonly p: number;
  /** Number of pairs. */
  readonly n: number;
  /** The smallest p that n pairs can give: 2 / 2^n, or 1 for a single pair. */
  readonly smallestP: number;
}

/** The exact test takes at most so many pairs: 2^20 sign patterns. */
export const LARGEST_EXACT = 20;

/**
 * Exact paired permutation test by flipping signs: are differences centred at 0?
 *
 *   p = share of the 2^n sign patterns s with |sum_i s[i] d[i]| >= |sum_i d[i]|
 *
 * Assumes that, were there no effect, each difference would be as likely to come with the other sign; nothing else.
 *
 * @param differences one per seed: value of one strategy less that of the other with the same seed.
 * @throws HarnessError E_SHAPE for no pair, or more than 20 (2^20 patterns).
 *
 * Source: Fisher 1935, The Design of Experiments, section 21.
 */
export function signFlipTest(differences: readonly number[]): SignFlipTest {
  const n = differences.length;
  if (n < 1 || n > LARGEST_EXACT) {
    throw new HarnessError('E_SHAPE', `the exact sign-flip test takes 1 to ${LARGEST_EXACT} pairs, got ${n}.`);
  }
  const observed = Math.abs(differences.reduce((sum, d) => sum + d, 0));
  // Sums of the same numbers in another order may differ in the last bits; such ties count as equal.
  const tolerance = 1e-12 * differences.reduce((sum, d) => sum + Math.abs(d), 0);
  // A sum over a pattern is one of the first half of the pairs plus one of the second half.
  const firsts = signedSums(differences.slice(0, n >> 1));
  const seconds = signedSums(differences.slice(n >> 1));
  let asExtreme = 0;
  for (const a of firsts) for (const b of seconds) if (Math.abs(a + b) >= observed - tolerance) asExtreme++;
  return {p: asExtreme / 2 ** n, n, smallestP: smallestPossibleP(n)};
}

/** All 2^n sums of the values with either sign. */
function signedSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  for (const [i, value] of values.entries()) {
    for (let k = 0; k < 2 ** i; k++) {
      sums[k + 2 ** i] = sums[k]! - value;
      sums[k]! += value;
    }
  }
  return sums;
}

/** The smallest two-sided p that an exact sign-flip test of n pairs can give: 2^(1-n). */
export function smallestPossibleP(n: number): number {
  return Math.min(1, 2 ** (1 - n));
}

/**
 * What n pairs can show at most, in words: "not resolvable with n = 3 (smallest possible two-sided p is 0.25)", or
 * undefined where n pairs can show an effect at this level.
 */
export function notResolvable(n: number, level = 0.05): string | undefined {
  const smallest = smallestPossibleP(n);
  if (smallest <= level) return undefined;
  return `not resolvable with n = ${n} (smallest possible two-sided p is ${Number(smallest.toPrecision(2))})`;
}
