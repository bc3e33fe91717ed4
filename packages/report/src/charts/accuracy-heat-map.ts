import type {TopLevelSpec} from 'vega-lite';
import {type ChartOptions, checkedSpec, frame} from './chart.ts';

/** One cell of an accuracy matrix, as a mean over seeds. */
export interface MatrixRow {
  /** 0-based; -1 is the untrained network. */
  readonly afterTask: number;
  readonly evalTask: number;
  /** Mean accuracy over the seeds; null where any seed has none. */
  readonly value: number | null;
  /** Seeds with a finite value. */
  readonly n: number;
  /** Why there is no value; empty where there is one. */
  readonly reason: string;
}

/** With more tasks than this, cells are too small for their numbers, which are then shown on hover alone. */
const MOST_TASKS_WITH_NUMBERS = 10;

/**
 * One accuracy matrix as a heat map: rows are moments ("start" is the untrained network), columns tasks; cells on and
 * below the diagonal are tasks met so far. Cells without a value are grey.
 */
export function accuracyHeatMap(rows: readonly MatrixRow[], options: ChartOptions = {}): TopLevelSpec {
  const label = (afterTask: number): string => (afterTask < 0 ? 'start' : String(afterTask));
  const values = rows.map((row) => ({
    ...row,
    after: label(row.afterTask),
    text: row.value === null ? '–' : row.value.toFixed(2).replace(/^0/, ''),
  }));
  const moments = [...new Set(rows.map((row) => row.afterTask))].sort((a, b) => a - b).map(label);
  const tasks = [...new Set(rows.map((row) => row.evalTask))].sort((a, b) => a - b);
  const x = {
    field: 'evalTask',
    type: 'ordinal',
    title: 'task',
    scale: {domain: tasks, padding: 0.06},
    axis: {labelAngle: 0, orient: 'bottom', grid: false, labelOverlap: true},
  } as const;
  const y = {
    field: 'after',
    type: 'ordinal',
    title: null,
    scale: {domain: moments, padding: 0.06},
    axis: {grid: false, labelOverlap: true},
  } as const;
  const tooltip = [
    {field: 'after', type: 'ordinal' as const, title: 'after task'},
    {field: 'evalTask', type: 'ordinal' as const, title: 'on task'},
    {field: 'value', type: 'quantitative' as const, title: 'mean accuracy', format: '.4f'},
    {field: 'n', type: 'nominal' as const, title: 'seeds'},
    {field: 'reason', type: 'nominal' as const, title: 'no value because'},
  ];
  const shade = [
    {test: 'datum.value === null', value: '#888'},
    {test: 'datum.value > 0.62', value: '#101418'},
  ];
  const numbers = {
    mark: {type: 'text' as const, fontSize: 11},
    encoding: {
      x,
      y,
      text: {field: 'text', type: 'nominal' as const},
      tooltip: tooltip,
      color: {
        condition: shade,
        value: '#ffffff',
      },
    },
  };
  return checkedSpec('accuracy heat map', {
    ...frame,
    height: options.height ?? moments.length * 24,
    data: {values},
    layer: [
      {
        mark: {type: 'rect', cornerRadius: 2, invalid: 'show'},
        encoding: {
          x,
          y,
          color: {
            condition: {test: 'datum.value === null', value: '#8883'},
            field: 'value',
            type: 'quantitative',
            scale: {domain: [0, 1], scheme: 'viridis'},
            legend: null,
          },
          tooltip,
        },
      },
      ...(tasks.length > MOST_TASKS_WITH_NUMBERS ? [] : [numbers]),
    ],
  });
}
