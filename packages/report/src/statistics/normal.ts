/**
 * Cumulative distribution function of the standard normal distribution, to about 1e-15.
 *
 * Source: West 2005, "Better approximations to cumulative normal functions", after Hart 1968.
 */
export function normalCdf(z: number): number {
  const x = Math.abs(z);
  const tail = x > 37 ? 0 : Math.exp((-x * x) / 2) * (x < 7.07106781186547 ? hart(x) : continuedFraction(x));
  return z > 0 ? 1 - tail : tail;
}

/** Inverse of `normalCdf`, by bisection; -∞ at 0 and ∞ at 1. */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  let [low, high] = [-40, 40];
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const top = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
];
const bottom = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
];

function hart(x: number): number {
  const over = top.reduce((sum, c) => sum * x + c, 0) * x + 220.206867912376;
  const under = (bottom.reduce((sum, c) => sum * x + c, 0) * x + 793.826512519948) * x + 440.413735824752;
  return over / under;
}

function continuedFraction(x: number): number {
  return 1 / ((x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 0.65))))) * 2.506628274631);
}
