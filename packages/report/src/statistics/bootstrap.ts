import type {SeedStream} from '@accrete/kit';
import {mean, quantile} from './moments.ts';

/** An interval for a mean. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Nominal coverage, such as 0.95. */
  readonly level: number;
}

/**
 * Percentile bootstrap interval of the mean: means of samples drawn with replacement, cut at (1 - level) / 2 on either side.
 * With few values it is too narrow; it never reaches beyond the smallest and largest value.
 *
 * @param stream where the draws come from; a fork of it, so the caller's stream is not advanced.
 * @returns null for fewer than two values.
 *
 * Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
 */
export function bootstrapInterval(
  values: readonly number[],
  stream: SeedStream,
  {level = 0.95, resamples = 2000}: {readonly level?: number; readonly resamples?: number} = {},
): Interval | null {
  if (values.length < 2) return null;
  const draws = stream.fork('bootstrap');
  const means = Array.from({length: resamples}, () => mean(values.map(() => values[draws.integer(values.length)]!)));
  return {low: quantile(means, (1 - level) / 2), high: quantile(means, (1 + level) / 2), level};
}
