import type {TopLevelSpec} from 'vega-lite';
import {type ChartOptions, checkedSpec, frame} from './chart.ts';

/** Who a line of `densityCurve` is about, in the order of the legend: its name, and its colour on light and on dark. */
export const subjectColours = {
  module: '#3b82f6',
  random: '#8b93a1',
  magnitude: '#d97706',
  untrained: '#a855f7',
  'shuffled-tasks': '#10b981',
} as const;

/** A mean over seeds and tasks at one density. */
export interface DensityRow {
  readonly subject: keyof typeof subjectColours;
  readonly density: number;
  readonly value: number;
  /** Seeds behind it. */
  readonly n: number;
}

/** Sufficiency of modules and of their controls against the share of weights that they have, which is drawn by its logarithm. */
export function densityCurve(rows: readonly DensityRow[], options: ChartOptions = {}): TopLevelSpec {
  const subjects = Object.keys(subjectColours);
  const densities = [...new Set(rows.map(({density}) => density))].sort((a, b) => a - b);
  const values = rows.map(({value}) => value);
  const domain = [Math.min(0, ...values), Math.max(1, ...values)];
  const x = {
    field: 'density',
    type: 'quantitative' as const,
    title: 'density',
    scale: {type: 'log' as const, nice: false, padding: 8},
    axis: {format: '~%', values: densities, grid: false, labelOverlap: true},
  };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: null,
    scale: {domain},
    axis: {tickCount: 5, format: '.1~f'},
  };
  const color = {
    field: 'subject',
    type: 'nominal' as const,
    scale: {domain: subjects, range: Object.values(subjectColours)},
    legend: null,
  };
  const tooltip = [
    {field: 'subject', type: 'nominal' as const},
    {field: 'density', type: 'quantitative' as const, format: '.3~%'},
    {field: 'value', type: 'quantitative' as const, title: 'sufficiency', format: '.3f'},
    {field: 'n', type: 'nominal' as const, title: 'seeds'},
  ];
  const width = {condition: {test: 'datum.subject === "module"', value: 2.5}, value: 1.2};
  return checkedSpec('sufficiency against density', {
    ...frame,
    height: options.height ?? 130,
    data: {values: [...rows]},
    layer: [
      {mark: {type: 'line'}, encoding: {x, y, color, strokeWidth: width}},
      {mark: {type: 'point', filled: true, size: 26, opacity: 1}, encoding: {x, y, color, tooltip}},
    ],
  });
}

/** One cell of `evidenceHeatMap`. */
export interface EvidenceCell {
  readonly x: string;
  readonly y: string;
  readonly value: number;
  readonly n: number;
}

/** A heat map of means over seeds, with their numbers where there is room for them. */
export function evidenceHeatMap(
  cells: readonly EvidenceCell[],
  options: ChartOptions & {
    /** What a value is, in words. */
    readonly title: string;
    /** Above the columns; none where left out. */
    readonly xTitle?: string;
    /** From the data where left out. */
    readonly domain?: readonly [number, number];
    readonly numbers?: boolean;
    /** For columns that are narrower than their names. */
    readonly slanted?: boolean;
  },
): TopLevelSpec {
  const [columns, rows] = [[...new Set(cells.map(({x}) => x))], [...new Set(cells.map(({y}) => y))]];
  const [low, high] = options.domain ?? [
    Math.min(0, ...cells.map(({value}) => value)),
    Math.max(...cells.map(({value}) => value)),
  ];
  const x = {
    field: 'x',
    type: 'nominal',
    sort: null,
    title: options.xTitle ?? null,
    scale: {domain: columns, padding: 0.06},
    axis: {labelAngle: options.slanted ? -35 : 0, grid: false, labelOverlap: false},
  } as const;
  const y = {
    field: 'y',
    type: 'nominal',
    sort: null,
    title: null,
    scale: {domain: rows, padding: 0.06},
    axis: {grid: false},
  } as const;
  const tooltip = [
    {field: 'y', type: 'nominal' as const, title: 'row'},
    {field: 'x', type: 'nominal' as const, title: 'column'},
    {field: 'value', type: 'quantitative' as const, title: options.title, format: '.3f'},
    {field: 'n', type: 'nominal' as const, title: 'seeds'},
  ];
  const values = cells.map((cell) => ({
    ...cell,
    text: cell.value
      .toFixed(2)
      .replace(/^-0\.00$/, '0.00')
      .replace(/^(-?)0\./, '$1.'),
  }));
  const numbers = {
    mark: {type: 'text' as const, fontSize: 11},
    encoding: {
      x,
      y,
      tooltip,
      text: {field: 'text', type: 'nominal' as const},
      color: {condition: {test: `datum.value > ${low + 0.62 * (high - low)}`, value: '#101418'}, value: '#ffffff'},
    },
  };
  return checkedSpec('heat map of evidence', {
    ...frame,
    height: options.height ?? Math.max(2, rows.length) * 24,
    data: {values},
    layer: [
      {
        mark: {type: 'rect', cornerRadius: 2},
        encoding: {
          x,
          y,
          tooltip,
          color: {
            field: 'value',
            type: 'quantitative',
            scale: {domain: [low, high], scheme: 'viridis', clamp: true},
            legend: null,
          },
        },
      },
      ...(options.numbers === false ? [] : [numbers]),
    ],
  });
}
