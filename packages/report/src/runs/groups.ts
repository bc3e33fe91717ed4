import {displayText} from './display-text.ts';
import type {RunEvidence} from './evidence.ts';

/** The runs of one strategy in one setting: they differ by seed alone. */
export interface Group {
  /** The strategy's name, the same in every table and chart. */
  readonly strategy: string;
  readonly setting: string;
  /** In order of seed. */
  readonly runs: readonly RunEvidence[];
}

/** Runs that may be compared: one scenario of one stream over one data set. */
export interface Setting {
  /** The scenario, with stream, data set and experiment where the report has more than one of them. */
  readonly name: string;
  readonly scenario: string;
  /** In order of the strategies' names in the report. */
  readonly groups: readonly Group[];
}

/** How runs are arranged in a report. */
export interface Arrangement {
  readonly settings: readonly Setting[];
  /** Every strategy once, in order of name; its place gives its colour. */
  readonly strategies: readonly string[];
}

/**
 * Arrange runs by setting and strategy. Names are made fit for display, and told apart where they would clash: variants
 * with one label but different configs are never pooled, they get the start of their hash.
 */
export function arrange(runs: readonly RunEvidence[]): Arrangement {
  const settingOf = settingNames(runs);
  const strategyOf = strategyNames(runs, settingOf);
  const strategies = [...new Set(runs.map((run) => strategyOf(run)))].sort((a, b) => (a < b ? -1 : 1));
  const settings = [...new Set(runs.map((run) => settingOf(run)))].sort(bySetting).map((name) => {
    const inside = runs.filter((run) => settingOf(run) === name);
    const groups = strategies.flatMap((strategy): Group[] => {
      const own = inside.filter((run) => strategyOf(run) === strategy).sort((a, b) => a.seed - b.seed);
      return own.length === 0 ? [] : [{strategy, setting: name, runs: own}];
    });
    return {name, scenario: inside[0]!.scenario, groups};
  });
  return {settings, strategies};
}

// The usual order, easy to hard; what is not known comes last, by name.
const usual = ['task-incremental', 'domain-incremental', 'class-incremental'];

function bySetting(a: string, b: string): number {
  const rank = (name: string): number => {
    const at = usual.findIndex((scenario) => name.startsWith(scenario));
    return at < 0 ? usual.length : at;
  };
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function settingNames(runs: readonly RunEvidence[]): (run: RunEvidence) => string {
  const parts = ['stream', 'dataset', 'experiment'] as const;
  const telling = parts.filter((part) => new Set(runs.map((run) => run[part])).size > 1);
  const named = (run: RunEvidence): string =>
    [run.scenario, ...telling.map((part) => run[part])].map((text) => displayText(text, 60)).join(' · ');
  return distinct(runs, named, (run) => JSON.stringify([run.scenario, ...telling.map((part) => run[part])]));
}

function strategyNames(
  runs: readonly RunEvidence[],
  settingOf: (run: RunEvidence) => string,
): (run: RunEvidence) => string {
  const hashes = new Map<string, Set<string>>();
  const key = (run: RunEvidence): string => JSON.stringify([settingOf(run), run.label]);
  for (const run of runs) hashes.set(key(run), (hashes.get(key(run)) ?? new Set()).add(run.hash));
  const clashes = (run: RunEvidence): boolean => hashes.get(key(run))!.size > 1;
  return distinct(
    runs,
    (run) =>
      `${displayText(run.label, 40) || 'unnamed'}${clashes(run) ? ` (${displayText(run.hash.slice(0, 7))})` : ''}`,
    (run) => JSON.stringify([run.label, clashes(run) ? run.hash : '']),
  );
}

/** Names as `named` gives them; where two identities would share one, the later ones are numbered. */
function distinct(
  runs: readonly RunEvidence[],
  named: (run: RunEvidence) => string,
  identity: (run: RunEvidence) => string,
): (run: RunEvidence) => string {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const nameOf = new Map<RunEvidence, string>();
  for (const run of runs) {
    const key = identity(run);
    let free = names.get(key);
    if (free === undefined) {
      const name = named(run);
      free = name;
      for (let i = 2; taken.has(free); i++) free = `${name} #${i}`;
      taken.add(free);
      names.set(key, free);
    }
    nameOf.set(run, free);
  }
  return (run) => nameOf.get(run)!;
}
