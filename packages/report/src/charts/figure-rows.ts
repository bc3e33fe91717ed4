import {cellAt} from '../metrics/accuracy-matrix.ts';
import {accuracySoFar} from '../metrics/average-accuracy.ts';
import type {TaskCost} from '../metrics/cost.ts';
import {averageLearningCurve, isCurve} from '../metrics/learning-curve.ts';
import {displayText} from '../runs/display-text.ts';
import type {RunEvidence} from '../runs/evidence.ts';
import type {Group, Setting} from '../runs/groups.ts';
import {mean} from '../statistics/moments.ts';
import type {Row} from '../tables/rows.ts';
import type {MatrixRow} from './accuracy-heat-map.ts';
import type {GrowthRow} from './growth-timeline.ts';
import type {LossRow} from './learning-curves.ts';
import type {OverTasksRow} from './over-tasks.ts';
import type {ComparisonRow} from './strategy-comparison.ts';

/** The value of one metric for every run of a setting. */
export function comparisonRows(rows: readonly Row[], setting: string, metric: string): ComparisonRow[] {
  return rows
    .filter((row) => row.scenario === setting && row.metric === metric)
    .map(({label, seed, value}) => ({strategy: label, seed, value}));
}

/** Mean accuracy on the tasks met so far, after each task, for every run of a setting. */
export function accuracySoFarRows(setting: Setting): OverTasksRow[] {
  return perTask(setting, (run, task) => accuracySoFar(run.matrix, task).value);
}

/** The average learning curve of every run of a setting that has one: a row per number of batches. */
export function learningSpeedRows({groups}: Setting): OverTasksRow[] {
  return groups.flatMap(({strategy, runs}) =>
    runs.flatMap((run) => {
      const curve = averageLearningCurve(run);
      if (!isCurve(curve)) return [];
      return curve.map((value, task) => ({strategy, seed: run.seed, task, value: rounded(value)}));
    }),
  );
}

/** A cost of each task, for every run of a setting; null for tasks that did not end. */
export function costRows(setting: Setting, cost: (cost: TaskCost) => number): OverTasksRow[] {
  return perTask(setting, (run, task) => {
    const found = run.costs.find((entry) => entry.task === task);
    return found ? cost(found) : null;
  });
}

/** The accuracy matrix of a strategy: the mean of each cell over its seeds, null where any of them has none. */
export function matrixRows({runs}: Group): MatrixRow[] {
  const tasks = Math.max(0, ...runs.map((run) => run.taskCount));
  const rows: MatrixRow[] = [];
  for (let afterTask = -1; afterTask < tasks; afterTask++) {
    for (let evalTask = 0; evalTask < tasks; evalTask++) {
      const cells = runs.map((run) => cellAt(run.matrix, afterTask, evalTask));
      const values = cells.flatMap((cell) => (cell.status === 'ok' ? [cell.value] : []));
      const gap = cells.find((cell) => cell.status !== 'ok');
      rows.push({
        afterTask,
        evalTask,
        value: gap ? null : rounded(mean(values)),
        n: values.length,
        reason: gap ? displayText(gap.reason, 160) : '',
      });
    }
  }
  return rows;
}

/** Growth of one run, one row per module that an event names. */
export function growthRows(run: RunEvidence): GrowthRow[] {
  return run.growth.flatMap(({task, change, modules, reason, parametersAdded}) =>
    modules.map((module) => ({
      task,
      module: displayText(module, 60),
      change,
      reason: displayText(reason, 200),
      parametersAdded,
    })),
  );
}

/** Training loss of every group, over its seeds; moments are matched by their place in the task. */
export function lossRows(groups: readonly Group[]): LossRow[] {
  return groups.flatMap(({strategy, runs}) => {
    const moments = new Map<string, {task: number; progress: number; losses: (number | null)[]}>();
    for (const point of runs.flatMap((run) => run.losses)) {
      const key = `${point.task} ${point.progress}`;
      const moment = moments.get(key) ?? {task: point.task, progress: point.progress, losses: []};
      moments.set(key, moment);
      moment.losses.push(point.loss);
    }
    return [...moments.values()].map(({task, progress, losses}): LossRow => {
      const finite = losses.filter((loss): loss is number => loss !== null);
      const whole = finite.length === losses.length;
      return {
        strategy,
        task,
        position: rounded(task + progress),
        mean: whole ? rounded(mean(finite)) : null,
        low: whole ? rounded(Math.min(...finite)) : null,
        high: whole ? rounded(Math.max(...finite)) : null,
        n: finite.length,
      };
    });
  });
}

function perTask(setting: Setting, value: (run: RunEvidence, task: number) => number | null): OverTasksRow[] {
  return setting.groups.flatMap(({strategy, runs}) =>
    runs.flatMap((run) =>
      Array.from({length: run.taskCount}, (_, task) => {
        const found = value(run, task);
        return {strategy, seed: run.seed, task, value: found === null ? null : rounded(found)};
      }),
    ),
  );
}

// Six significant digits are more than a chart can show, and keep the page small.
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
