import type {TopLevelSpec} from 'vega-lite';
import {mean} from '../statistics/moments.ts';
import {axisFormat, type ChartOptions, checkedSpec, frame} from './chart.ts';
import {strategyScale, whenInFocus, withFocus} from './palette.ts';

/** A number of one run at one task. */
export interface OverTasksRow {
  readonly strategy: string;
  readonly seed: number;
  /** 0-based; the number of batches where these are along the axis. */
  readonly task: number;
  readonly value: number | null;
}

/** Lines of at most so many seeds are drawn; more would hide each other, and the means are over all. */
const MOST_SEEDS = 10;

/**
 * A quantity over the tasks: the mean over seeds a bold line, every seed a faint line with points. A mean is drawn only
 * where every seed of the strategy has a value, so a run that broke off never moves it.
 *
 * @param options.title of the vertical axis, with the unit.
 * @param options.domain of the vertical axis; from 0 where it is left out.
 * @param options.format d3 number format of the vertical axis.
 * @param options.along title of the horizontal axis; "after task" where it is left out.
 */
export function overTasks(
  rows: readonly OverTasksRow[],
  options: ChartOptions & {
    readonly title: string;
    readonly strategies: readonly string[];
    readonly domain?: readonly [number, number];
    readonly format?: string;
    readonly along?: 'after task' | 'task' | 'after batch';
  },
): TopLevelSpec {
  const tasks = [...new Set(rows.map((row) => row.task))].sort((a, b) => a - b);
  const x = {
    field: 'task',
    type: 'ordinal',
    title: options.along ?? 'after task',
    scale: {domain: tasks, type: 'point', padding: 0.25},
    axis: {labelAngle: 0, grid: false, labelOverlap: true},
  } as const;
  const y = {
    type: 'quantitative',
    title: options.title,
    scale: options.domain ? {domain: [...options.domain]} : {zero: true, nice: true},
    axis: {tickCount: 5, ...(options.format ? axisFormat(options.format) : {})},
  } as const;
  const color = {
    field: 'strategy',
    type: 'nominal',
    scale: strategyScale(options.strategies),
    legend: options.legend === false ? null : {title: null},
  } as const;
  const drawn = new Set([...new Set(rows.map((row) => row.seed))].sort((a, b) => a - b).slice(0, MOST_SEEDS));
  const seeds = rows
    .filter((row) => row.value !== null && drawn.has(row.seed))
    .map(({strategy, seed, task, value}) => ({strategy, seed, task, value}));
  const format = options.format ?? '.4~f';
  const tip = (field: string, title: string) => ({field, type: 'quantitative', title, format}) as const;
  return checkedSpec('over tasks', {
    ...frame,
    ...withFocus,
    height: options.height ?? 240,
    datasets: {seeds, means: meansByTask(rows)},
    layer: [
      {
        data: {name: 'seeds'},
        mark: {type: 'line', strokeWidth: 1},
        encoding: {
          x,
          y: {...y, field: 'value'},
          color,
          opacity: whenInFocus(0.3),
          detail: {field: 'seed', type: 'nominal'},
        },
      },
      {
        data: {name: 'seeds'},
        mark: {type: 'point', filled: true, size: 26},
        encoding: {
          x,
          y: {...y, field: 'value'},
          color,
          opacity: whenInFocus(0.5),
          tooltip: [
            {field: 'strategy', type: 'nominal'},
            {field: 'seed', type: 'nominal'},
            {field: 'task', type: 'ordinal', title: x.title},
            tip('value', options.title),
          ],
        },
      },
      {
        data: {name: 'means'},
        mark: {type: 'line', strokeWidth: 2.5, point: {filled: true, size: 48}},
        encoding: {
          x,
          y: {...y, field: 'mean'},
          color,
          opacity: whenInFocus(1),
          tooltip: [
            {field: 'strategy', type: 'nominal'},
            {field: 'task', type: 'ordinal', title: x.title},
            tip('mean', `mean of ${options.title}`),
            {field: 'n', type: 'nominal', title: 'seeds'},
          ],
        },
      },
    ],
  });
}

function meansByTask(rows: readonly OverTasksRow[]) {
  const cells = new Map<string, {strategy: string; task: number; values: (number | null)[]}>();
  for (const {strategy, task, value} of rows) {
    const key = JSON.stringify([strategy, task]);
    const cell = cells.get(key) ?? {strategy, task, values: []};
    cells.set(key, cell);
    cell.values.push(value);
  }
  return [...cells.values()].flatMap(({strategy, task, values}) => {
    const finite = values.filter((value): value is number => value !== null);
    return finite.length === values.length ? [{strategy, task, mean: mean(finite), n: finite.length}] : [];
  });
}
