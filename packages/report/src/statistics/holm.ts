/**
 * p values corrected for their number by Holm's step-down method, in the order given. Rejecting those at or below a level
 * keeps the chance of any false rejection at or below it, whatever the dependence of the tests.
 *
 *   p'(i) = max_{k <= i} min(1, (m - k + 1) p(k)),   p(1) <= ... <= p(m)
 *
 * Source: Holm 1979, https://www.jstor.org/stable/4615733.
 */
export function holmAdjusted(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length).fill(1);
  let largest = 0;
  for (const [k, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (ps.length - k) * ps[index]!));
    adjusted[index] = largest;
  }
  return adjusted;
}
