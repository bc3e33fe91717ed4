import type {Arrangement} from '../runs/groups.ts';
import {LARGEST_EXACT, notResolvable, signFlipTest} from '../statistics/sign-flip.ts';
import {type Comparison, comparisons, differences, LEVEL, ranksOverSeeds} from './comparisons.ts';
import {grouped} from './grouped.ts';
import type {Row} from './rows.ts';
import type {SummaryRow} from './summary.ts';

/** One strategy of a leaderboard. */
export interface LeaderboardEntry {
  readonly strategy: string;
  /** Summaries by metric name. */
  readonly summaries: ReadonlyMap<string, SummaryRow>;
  /** ACC of each seed, null where it has none. */
  readonly perSeed: readonly {readonly seed: number; readonly value: number | null}[];
  /** Mean rank by ACC over seeds, 1 for the highest; null unless all strategies have finite values for the same seeds. */
  readonly averageRank: number | null;
  /** True for the first by ACC, where the tests resolve that it is. */
  readonly best: boolean;
}

/** The strategies of one setting by ACC, the highest first; those without a value last. */
export interface Leaderboard {
  readonly setting: string;
  readonly entries: readonly LeaderboardEntry[];
  /** One or two sentences: which is first, and how sure that is. */
  readonly verdict: string;
  /** Strategies compared in pairs over the same seeds. */
  readonly comparisons: readonly Comparison[];
}

/** A leaderboard per setting. */
export function leaderboards(
  {settings}: Arrangement,
  rows: readonly Row[],
  summary: readonly SummaryRow[],
): Leaderboard[] {
  const groupOf = ({scenario, label}: Pick<Row, 'scenario' | 'label'>): string => JSON.stringify([scenario, label]);
  const summaries = grouped(summary, groupOf);
  const accuracies = grouped(
    rows.filter(({metric}) => metric === 'acc'),
    groupOf,
  );
  return settings.map((setting) => {
    const entries = setting.groups
      .map(({strategy}) => {
        const group = groupOf({scenario: setting.name, label: strategy});
        return {
          strategy,
          summaries: new Map((summaries.get(group) ?? []).map((row) => [row.metric, row])),
          perSeed: (accuracies.get(group) ?? []).map(({seed, value}) => ({seed, value})),
        };
      })
      .sort((a, b) => accOf(b) - accOf(a));
    const {resolved, verdict} = judge(entries);
    const ranks = ranksOverSeeds(entries);
    return {
      setting: setting.name,
      entries: entries.map((entry, i) => ({...entry, averageRank: ranks?.[i] ?? null, best: resolved && i === 0})),
      verdict,
      comparisons: comparisons(entries),
    };
  });
}

type Ranked = Omit<LeaderboardEntry, 'best' | 'averageRank'>;

function accOf(entry: Ranked): number {
  return entry.summaries.get('acc')?.mean ?? Number.NEGATIVE_INFINITY;
}

/**
 * Is the first really the best? Only where it is told apart from every other by the exact paired test over the same
 * seeds. All of those tests must agree, so they need no correction for their number.
 */
function judge(entries: readonly Ranked[]): {resolved: boolean; verdict: string} {
  const [first, ...others] = entries.filter((entry) => Number.isFinite(accOf(entry)));
  if (!first) return {resolved: false, verdict: 'No strategy has a finite ACC.'};
  const lead = `${first.strategy} has the highest mean ACC`;
  if (others.length === 0) return {resolved: false, verdict: `${lead}; there is nothing to compare it with.`};
  const unpaired = others.find((other) => !differences(first, other));
  if (unpaired) {
    const why = `${first.strategy} and ${unpaired.strategy} do not have finite results for the same seeds`;
    return {resolved: false, verdict: `${lead}. Whether it is the best is not tested: ${why}.`};
  }
  const n = first.perSeed.length;
  const limit = notResolvable(n, LEVEL);
  if (limit) return {resolved: false, verdict: `${lead}. Whether it is the best is ${limit}, so nothing is in bold.`};
  if (n > LARGEST_EXACT)
    return {
      resolved: false,
      verdict: `${lead}. The exact test takes at most ${LARGEST_EXACT} seeds, so nothing is in bold.`,
    };
  const tests = others.map((other) => ({other, p: signFlipTest(differences(first, other)!).p}));
  const weakest = tests.reduce((a, b) => (b.p > a.p ? b : a));
  const p = Number(weakest.p.toPrecision(2));
  if (weakest.p > LEVEL) {
    return {
      resolved: false,
      verdict: `${lead}, but over ${n} seeds it is not told apart from ${weakest.other.strategy} (p = ${p}), so nothing is in bold.`,
    };
  }
  return {resolved: true, verdict: `${lead}, told apart from every other over ${n} seeds (largest p = ${p}).`};
}
