import type {TopLevelSpec} from 'vega-lite';
import type {Confusion} from '../runs/outcome-detail.ts';
import {type ChartOptions, checkedSpec, frame} from './chart.ts';

/**
 * A confusion matrix as a heat map: rows are what an example is, columns what it was taken for, shades the share of the
 * row. Pairs that do not occur are left blank; -1 stands for "none".
 *
 * @param options.noun what is confused: classes or tasks.
 */
export function confusionMatrix(
  confusions: readonly Confusion[],
  options: ChartOptions & {readonly noun: 'class' | 'task'},
): TopLevelSpec {
  const {noun} = options;
  const totals = new Map<number, number>();
  for (const {truth, examples} of confusions) totals.set(truth, (totals.get(truth) ?? 0) + examples);
  const named = (index: number): string => (index < 0 ? 'none' : String(index));
  const values = confusions.map(({truth, taken, examples}) => ({
    truth: named(truth),
    taken: named(taken),
    examples,
    share: Number((examples / totals.get(truth)!).toPrecision(4)),
  }));
  const indices = [...new Set(confusions.flatMap(({truth, taken}) => [truth, taken]))].sort((a, b) => a - b);
  const rows = indices.filter((index) => index >= 0).map(named);
  const columns = [...rows, ...(indices.includes(-1) ? ['none'] : [])];
  return checkedSpec(`${noun} confusion`, {
    ...frame,
    height: options.height ?? Math.max(rows.length, 2) * 16,
    data: {values},
    mark: {type: 'rect', cornerRadius: 2},
    encoding: {
      x: {
        field: 'taken',
        type: 'ordinal',
        title: `taken for ${noun}`,
        scale: {domain: columns, padding: 0.06},
        axis: {labelAngle: 0, grid: false, labelOverlap: true},
      },
      y: {
        field: 'truth',
        type: 'ordinal',
        title: null,
        scale: {domain: rows, padding: 0.06},
        axis: {grid: false, labelOverlap: true},
      },
      color: {field: 'share', type: 'quantitative', scale: {domain: [0, 1], scheme: 'viridis'}, legend: null},
      tooltip: [
        {field: 'truth', type: 'nominal', title: `true ${noun}`},
        {field: 'taken', type: 'nominal', title: 'taken for'},
        {field: 'share', type: 'quantitative', title: 'share', format: '.4f'},
        {field: 'examples', type: 'quantitative', title: 'examples', format: ','},
      ],
    },
  });
}
