import {mean, sampleSd} from '@accrete/report';

/** The 0.975 quantile of Student's t with 1, 2, ... degrees of freedom. */
const QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101,
];

/**
 * The difference of two means, with half the width of its 95 % interval: Welch's, degrees of freedom rounded down.
 *
 *   half = t * sqrt(v / n + w / m),   degrees = (v / n + w / m)^2 / ((v / n)^2 / (n - 1) + (w / m)^2 / (m - 1))
 *
 * with v and w the sample variances. A side with one value is taken to vary as the other does: t * sqrt(v / n + v) with n - 1 degrees.
 * Null where both have one.
 */
export function difference(ours, theirs) {
  const by = mean(ours) - mean(theirs);
  const sides = [ours, theirs].map((values) => ({n: values.length, variance: (sampleSd(values) ?? 0) ** 2}));
  const several = sides.filter(({n}) => n > 1);
  if (several.length === 0) return {by, half: null};
  const errors = several.map(({n, variance}) => variance / n);
  const total = several.length === 2 ? errors[0] + errors[1] : errors[0] + several[0].variance;
  const degrees =
    several.length === 2
      ? total ** 2 / several.reduce((sum, {n}, i) => sum + errors[i] ** 2 / (n - 1), 0)
      : several[0].n - 1;
  const quantile = QUANTILES[Math.min(QUANTILES.length, Math.floor(degrees + 1e-9)) - 1];
  return {by, half: quantile * Math.sqrt(total)};
}

/**
 * What a difference says, given how far apart two results may lie to count as one.
 *
 * @returns `yes` where the whole interval is no wider than that around 0, `no` where it lies on one side of 0, `open` where it does
 *   neither, and null where there is none.
 */
export function verdict({by, half}, allowed) {
  if (half === null) return null;
  if (Math.abs(by) + half <= allowed) return 'yes';
  return Math.abs(by) > half ? 'no' : 'open';
}
