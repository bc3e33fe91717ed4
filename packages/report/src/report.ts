import {displayText} from './runs/display-text.ts';
import type {RunEvidence} from './runs/evidence.ts';
import type {Problem} from './runs/find-runs.ts';
import {type Arrangement, arrange} from './runs/groups.ts';
import type {LoadedRuns} from './runs/load-runs.ts';
import type {ModuleEvidence} from './runs/module-evidence.ts';
import {type Leaderboard, leaderboards} from './tables/leaderboard.ts';
import {type Row, toRows} from './tables/rows.ts';
import {type SummaryRow, summarise} from './tables/summary.ts';

/** Everything that a report says, as data: pages, terminal tables and exports are views of it. */
export interface Report {
  readonly title: string;
  readonly runs: readonly RunEvidence[];
  readonly problems: readonly Problem[];
  /** Evidence about modules that were found in trained networks. */
  readonly modules: readonly ModuleEvidence[];
  readonly arrangement: Arrangement;
  /** One row per run and metric. */
  readonly rows: readonly Row[];
  /** One row per strategy, scenario and metric. */
  readonly summary: readonly SummaryRow[];
  readonly leaderboards: readonly Leaderboard[];
  /** What a reader must know first, such as a fallback to procedural images; each note once, with the runs it holds for. */
  readonly dataNotes: readonly {readonly note: string; readonly runs: number}[];
}

/**
 * Compute a report from loaded runs.
 *
 * @param options.title of the report; the names of the experiments where it is left out.
 */
export function buildReport(loaded: LoadedRuns, options: {readonly title?: string} = {}): Report {
  const {runs, problems, modules = []} = loaded;
  const arrangement = arrange(runs);
  const rows = toRows(arrangement);
  const summary = summarise(rows);
  const experiments = [...new Set(runs.map((run) => displayText(run.experiment)))];
  const names = experiments.length > 0 ? experiments : modules.map(({name}) => `Modules: ${name}`);
  return {
    title: displayText(options.title ?? (names.join(', ') || 'No runs'), 160),
    runs,
    problems,
    modules,
    arrangement,
    rows,
    summary,
    leaderboards: leaderboards(arrangement, rows, summary),
    dataNotes: notesOf(runs),
  };
}

function notesOf(runs: readonly RunEvidence[]): {note: string; runs: number}[] {
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const note of new Set(run.dataNotes)) counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  return [...counts].map(([note, count]) => ({note: displayText(note, 300), runs: count}));
}
