import {cellAt} from '../metrics/accuracy-matrix.ts';
import {accuracySoFar} from '../metrics/average-accuracy.ts';
import type {Report} from '../report.ts';
import type {RunEvidence} from '../runs/evidence.ts';
import {grouped} from '../tables/grouped.ts';
import type {Row} from '../tables/rows.ts';

/** One number of a run at one moment. */
export interface SeriesPoint {
  /** Such as `accuracy/task-3`. */
  readonly name: string;
  /** The task after which it was taken; for `loss/train` a hundred steps are one task. */
  readonly step: number;
  /** When the task had ended [ms since 1970]. */
  readonly timeMs: number;
  readonly value: number;
}

/**
 * What other tools are told of a run: accuracies after each task, the training loss, costs, and every metric of the report at the end.
 * Values that are undefined or not finite are left out, as in the report's means.
 *
 * @param rows of the report.
 */
export function runSeries(run: RunEvidence, rows: readonly Row[]): SeriesPoint[] {
  const points: SeriesPoint[] = [];
  const began = Date.parse(run.started);
  const ends = new Map(
    run.timeline.flatMap(({what, task, atMs}) => (what === 'task-end' ? [[task, began + atMs]] : [])),
  );
  const lastMs = run.ended === undefined ? began + (run.timeline.at(-1)?.atMs ?? 0) : Date.parse(run.ended);
  const add = (name: string, task: number, value: number | null, step = task): void => {
    if (value === null || !Number.isFinite(value)) return;
    points.push({name, step, timeMs: ends.get(task) ?? lastMs, value});
  };
  for (let i = 0; i < run.taskCount; i++) {
    add('accuracy/so-far', i, accuracySoFar(run.matrix, i).value);
    for (let j = 0; j < run.taskCount; j++) add(`accuracy/task-${j}`, i, cellAt(run.matrix, i, j).value);
  }
  for (const {task, progress, loss} of run.losses) add('loss/train', task, loss, Math.round(100 * (task + progress)));
  for (const cost of run.costs) {
    add('cost/parameters', cost.task, cost.total);
    add('cost/bytes', cost.task, cost.bytes);
    add('cost/training-seconds', cost.task, cost.trainMs / 1000);
  }
  for (const {run: id, metric, value} of rows) {
    if (id === run.id) add(`metric/${metric}`, Math.max(0, run.taskCount - 1), value);
  }
  return points;
}

/** The rows of a report by run, so that each run need not look through all. */
export function rowsByRun({rows}: Report): (run: RunEvidence) => readonly Row[] {
  const found = grouped(rows, ({run}) => run);
  return (run) => found.get(run.id) ?? [];
}
