import {seedStream} from '@accrete/kit';
import {bcaInterval, type Interval} from '../statistics/bootstrap.ts';
import {holmAdjusted} from '../statistics/holm.ts';
import {mean} from '../statistics/moments.ts';
import {averageRanks} from '../statistics/ranks.ts';
import {LARGEST_EXACT, notResolvable, signFlipTest, smallestPossibleP} from '../statistics/sign-flip.ts';

/** Level of the tests behind a verdict. */
export const LEVEL = 0.05;

/** With more strategies than this, each is compared with the first alone: the table of all pairs would not be read. */
const MOST_FOR_ALL_PAIRS = 8;

/** ACC by seed, as a comparison needs it. */
export interface SeedValues {
  readonly strategy: string;
  readonly perSeed: readonly {readonly seed: number; readonly value: number | null}[];
}

/** Two strategies over the same seeds: how far apart their ACC is, and how sure that is. */
export interface Comparison {
  readonly first: string;
  readonly second: string;
  /** Number of seeds that both have. */
  readonly n: number;
  /** Effect size: mean over seeds of (ACC of first - ACC of second); null where seeds do not match. */
  readonly difference: number | null;
  /** For the mean difference; null for fewer than two seeds. */
  readonly interval: Interval | null;
  /** Two-sided exact sign-flip p; null where there is none. */
  readonly p: number | null;
  /** The same, corrected by Holm's method for all comparisons of the leaderboard. */
  readonly adjusted: number | null;
  /** In words: told apart, not told apart, or why that cannot be said. */
  readonly reading: string;
}

/**
 * Strategies of one leaderboard compared in pairs, in its order; all pairs, or with more than 8 strategies each with the first.
 */
export function comparisons(entries: readonly SeedValues[]): Comparison[] {
  const firsts = entries.length > MOST_FOR_ALL_PAIRS ? entries.slice(0, 1) : entries;
  return correctedTogether(firsts.flatMap((a, i) => entries.slice(i + 1).map((b) => paired(a, b))));
}

/** Comparisons with their p corrected by Holm's method for all of them together, and what can be read from that. */
export function correctedTogether(found: readonly Comparison[]): Comparison[] {
  const tested = found.filter(({p}) => p !== null);
  const adjusted = holmAdjusted(tested.map(({p}) => p!));
  return found.map((comparison) => {
    const at = tested.indexOf(comparison);
    if (at < 0) return comparison;
    const limit = notResolvable(comparison.n, LEVEL) ?? notResolvableTogether(comparison.n, tested.length);
    const apart = adjusted[at]! <= LEVEL ? 'told apart' : 'not told apart';
    return {...comparison, adjusted: adjusted[at]!, reading: limit ?? apart};
  });
}

// Holm's method rejects nothing unless the smallest p, times the number of tests, is within the level.
function notResolvableTogether(n: number, tests: number): string | undefined {
  const smallest = Math.min(1, tests * smallestPossibleP(n));
  if (smallest <= LEVEL) return undefined;
  return `not resolvable with n = ${n} and ${tests} comparisons (smallest possible corrected p is ${Number(smallest.toPrecision(2))})`;
}

/** Differences of ACC by seed; undefined unless both have finite values for the same seeds. */
export function differences(a: SeedValues, b: SeedValues): number[] | undefined {
  const other = new Map(b.perSeed.map(({seed, value}) => [seed, value]));
  if (a.perSeed.length !== b.perSeed.length) return undefined;
  const pairs = a.perSeed.map(({seed, value}) => ({value, against: other.get(seed) ?? null}));
  if (pairs.some((pair) => pair.value === null || pair.against === null)) return undefined;
  return pairs.map((pair) => pair.value! - pair.against!);
}

/** Mean rank by ACC over seeds, in order of the entries; undefined unless all have finite values for the same seeds. */
export function ranksOverSeeds(entries: readonly SeedValues[]): number[] | undefined {
  const [first] = entries;
  if (!first || entries.some((entry) => !differences(first, entry))) return undefined;
  return averageRanks(
    first.perSeed.map(({seed}) => entries.map(({perSeed}) => perSeed.find((own) => own.seed === seed)!.value!)),
  );
}

/** The first less the second over the same seeds, its p not yet corrected. */
export function paired(a: SeedValues, b: SeedValues): Comparison {
  const found = differences(a, b);
  const names = {first: a.strategy, second: b.strategy};
  const none = {difference: null, interval: null, p: null, adjusted: null};
  if (!found || found.length === 0) {
    return {...names, n: 0, ...none, reading: 'not tested: no finite results for the same seeds'};
  }
  const n = found.length;
  const difference = mean(found);
  const interval = bcaInterval(found, seedStream(0, 'report', 'comparison', a.strategy, b.strategy));
  if (n > LARGEST_EXACT) {
    return {
      ...names,
      n,
      difference,
      interval,
      p: null,
      adjusted: null,
      reading: `not tested: more than ${LARGEST_EXACT} seeds`,
    };
  }
  return {...names, n, difference, interval, p: signFlipTest(found).p, adjusted: null, reading: ''};
}
