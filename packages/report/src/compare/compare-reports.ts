import type {Json} from '@accrete/kit';
import {metrics} from '../metrics/metrics.ts';
import type {Report} from '../report.ts';
import type {RunEvidence} from '../runs/evidence.ts';
import type {Group} from '../runs/groups.ts';
import {settingsOf} from '../runs/settings-of.ts';
import {type Comparison, correctedTogether, paired, type SeedValues} from '../tables/comparisons.ts';
import {grouped} from '../tables/grouped.ts';
import type {SummaryRow} from '../tables/summary.ts';
import {matchedGroups} from './matched-groups.ts';

/** A setting of a config or an environment that two reports do not share. */
export interface Difference {
  readonly path: string;
  /** Null where it is not set. */
  readonly first: string | null;
  readonly second: string | null;
}

/** One strategy in one setting of two reports. */
export interface StrategyComparison {
  readonly setting: string;
  readonly strategy: string;
  /** ACC by seed in each report. */
  readonly perSeed: {readonly first: SeedValues['perSeed']; readonly second: SeedValues['perSeed']};
  /** ACC of the second less that of the first, over the seeds that both have. */
  readonly acc: Comparison;
  /** True where both have the same seeds and the same ACC for each, to the last bit. */
  readonly same: boolean;
  /** One per metric that either has. */
  readonly metrics: readonly {
    readonly metric: (typeof metrics)[number];
    readonly first: SummaryRow | undefined;
    readonly second: SummaryRow | undefined;
  }[];
  readonly configs: readonly Difference[];
}

/** Two reports, set against each other. */
export interface ReportComparison {
  readonly first: Report;
  readonly second: Report;
  /** What both have, in the order of the first. */
  readonly strategies: readonly StrategyComparison[];
  /** What only one has: a strategy and its setting. */
  readonly unmatched: {readonly first: readonly Group[]; readonly second: readonly Group[]};
  readonly environments: readonly Difference[];
}

/**
 * Set two reports against each other: what both have, how far the second differs from the first and how sure that is, and in which
 * settings their configs and environments differ. Tests over the same seeds are corrected by Holm's method over all strategies.
 */
export function compareReports(first: Report, second: Report): ReportComparison {
  const matches = matchedGroups(first.arrangement, second.arrangement);
  const [valuesOf, summariesOf] = [
    {first: perSeedOf(first), second: perSeedOf(second)},
    {first: summaryOf(first), second: summaryOf(second)},
  ];
  const both = matches.flatMap(({first: a, second: b}) => (a && b ? [{a, b}] : []));
  const tests = correctedTogether(
    both.map(({a, b}) => {
      const [mine, other] = [valuesOf.first(a), valuesOf.second(b)];
      const common = (values: SeedValues['perSeed'], among: SeedValues['perSeed']) =>
        values.filter(({seed}) => among.some((one) => one.seed === seed));
      return paired(
        {strategy: `${b.strategy} (second)`, perSeed: common(other, mine)},
        {strategy: `${a.strategy} (first)`, perSeed: common(mine, other)},
      );
    }),
  );
  return {
    first,
    second,
    strategies: both.map(({a, b}, i): StrategyComparison => {
      const perSeed = {first: valuesOf.first(a), second: valuesOf.second(b)};
      return {
        setting: a.setting,
        strategy: a.strategy,
        perSeed,
        acc: tests[i]!,
        same: JSON.stringify(perSeed.first) === JSON.stringify(perSeed.second),
        metrics: metrics
          .map((metric) => ({
            metric,
            first: summariesOf.first(a, metric.name),
            second: summariesOf.second(b, metric.name),
          }))
          .filter((line) => line.first?.mean != null || line.second?.mean != null),
        configs: differencesOf(settingsIn(a.runs.slice(0, 1)), settingsIn(b.runs.slice(0, 1))),
      };
    }),
    unmatched: {
      first: matches.flatMap(({first: a, second: b}) => (a && !b ? [a] : [])),
      second: matches.flatMap(({first: a, second: b}) => (b && !a ? [b] : [])),
    },
    environments: differencesOf(
      settingsIn(first.runs, ({environment}) => environment),
      settingsIn(second.runs, ({environment}) => environment),
    ),
  };
}

function perSeedOf({rows}: Report): (group: Group) => SeedValues['perSeed'] {
  const accuracies = grouped(
    rows.filter(({metric}) => metric === 'acc'),
    ({scenario, label}) => JSON.stringify([scenario, label]),
  );
  return ({setting, strategy}) =>
    (accuracies.get(JSON.stringify([setting, strategy])) ?? []).map(({seed, value}) => ({seed, value}));
}

function summaryOf({summary}: Report): (group: Group, metric: string) => SummaryRow | undefined {
  const found = new Map(summary.map((row) => [JSON.stringify([row.scenario, row.label, row.metric]), row]));
  return ({setting, strategy}, metric) => found.get(JSON.stringify([setting, strategy, metric]));
}

/** Every path that is in one alone, or has another value in the other. */
function differencesOf(first: ReadonlyMap<string, string>, second: ReadonlyMap<string, string>): Difference[] {
  return [...new Set([...first.keys(), ...second.keys()])]
    .filter((path) => first.get(path) !== second.get(path))
    .map((path) => ({path, first: first.get(path) ?? null, second: second.get(path) ?? null}));
}

/** The settings of runs by path; where the runs differ in one, all of its values. */
function settingsIn(
  runs: readonly RunEvidence[],
  part: (run: RunEvidence) => unknown = ({config}) => config,
): Map<string, string> {
  const values = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const [path, value] of settingsOf(part(run) as Json)) {
      values.set(path, (values.get(path) ?? new Set()).add(value));
    }
  }
  return new Map([...values].map(([path, found]) => [path, [...found].join(' or ')]));
}
