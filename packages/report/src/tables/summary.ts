import {op} from 'arquero';
import {type Row, toTable} from './rows.ts';

/** A metric over the seeds of one strategy in one scenario. */
export interface SummaryRow {
  readonly label: string;
  readonly scenario: string;
  readonly metric: string;
  readonly unit: string;
  /** Mean, over the finite seeds alone; null where there are none. */
  readonly mean: number | null;
  /** Sample standard deviation over the finite seeds; null for fewer than two. */
  readonly sd: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** Seeds with a finite value. */
  readonly finite: number;
  /** Seeds that were run. */
  readonly total: number;
  /** Why seeds are missing: the first reason; empty where none is. */
  readonly reason: string;
}

/** Summarise rows by strategy, scenario and metric, in order of first appearance. */
export function summarise(rows: readonly Row[]): SummaryRow[] {
  if (rows.length === 0) return [];
  const reasons = new Map<string, string>();
  for (const row of rows) {
    const key = keyOf(row);
    if (row.reason && !reasons.has(key)) reasons.set(key, row.reason);
  }
  // `mean` and its kin skip missing values, so both counts are kept: `valid` of the values, `count` of the rows.
  const table = toTable(rows)
    .groupby('label', 'scenario', 'metric', 'unit')
    .rollup({
      mean: op.mean('value'),
      sd: op.stdev('value'),
      min: op.min('value'),
      max: op.max('value'),
      finite: op.valid('value'),
      total: op.count(),
    });
  return (table.objects() as SummaryRow[]).map((row) => ({
    ...row,
    mean: row.finite > 0 ? row.mean : null,
    sd: row.finite > 1 ? row.sd : null,
    min: row.finite > 0 ? row.min : null,
    max: row.finite > 0 ? row.max : null,
    reason: row.finite < row.total ? (reasons.get(keyOf(row)) ?? '') : '',
  }));
}

function keyOf(row: {readonly label: string; readonly scenario: string; readonly metric: string}): string {
  return JSON.stringify([row.label, row.scenario, row.metric]);
}
