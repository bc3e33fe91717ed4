import type {TopLevelSpec} from 'vega-lite';
import {mean} from '../statistics/moments.ts';
import {paretoFront} from '../statistics/pareto.ts';
import {axisFormat, type ChartOptions, checkedSpec, frame} from './chart.ts';
import {strategyScale, whenInFocus, withFocus} from './palette.ts';

/** What one run cost, and what it is worth. */
export interface CostValueRow {
  readonly strategy: string;
  readonly seed: number;
  readonly cost: number;
  readonly value: number;
}

/**
 * Value against cost: a small point per run, a large one per strategy at its means, and a line through the strategies that
 * no other beats in both (the Pareto front of the means).
 *
 * @param options.costTitle, options.valueTitle of the axes, with units.
 * @param options.format d3 number format of the cost.
 */
export function costFront(
  rows: readonly CostValueRow[],
  options: ChartOptions & {
    readonly strategies: readonly string[];
    readonly costTitle: string;
    readonly valueTitle: string;
    readonly format: string;
    readonly domain?: readonly [number, number];
  },
): TopLevelSpec {
  const means = [...new Set(rows.map((row) => row.strategy))].map((strategy) => {
    const own = rows.filter((row) => row.strategy === strategy);
    return {
      strategy,
      cost: mean(own.map((row) => row.cost)),
      value: mean(own.map((row) => row.value)),
      n: own.length,
    };
  });
  const front = new Set(paretoFront(means));
  const marked = means.map((row) => ({...row, front: front.has(row) ? 'yes' : 'no'}));
  const x = {
    field: 'cost',
    type: 'quantitative',
    title: options.costTitle,
    scale: {zero: true, nice: true},
    axis: {tickCount: 4, ...axisFormat(options.format), grid: false, labelOverlap: true},
  } as const;
  const y = {
    field: 'value',
    type: 'quantitative',
    title: options.valueTitle,
    scale: options.domain ? {domain: [...options.domain]} : {zero: false, nice: true},
    axis: {tickCount: 5},
  } as const;
  const color = {
    field: 'strategy',
    type: 'nominal',
    scale: strategyScale(options.strategies),
    legend: options.legend === false ? null : {title: null},
  } as const;
  const numbers = [
    {field: 'cost', type: 'quantitative', title: options.costTitle, format: options.format},
    {field: 'value', type: 'quantitative', title: options.valueTitle, format: '.4f'},
  ] as const;
  return checkedSpec('cost front', {
    ...frame,
    ...withFocus,
    height: options.height ?? 240,
    datasets: {runs: rows.map((row) => ({...row})), means: marked, front: marked.filter((row) => row.front === 'yes')},
    layer: [
      {
        data: {name: 'front'},
        mark: {type: 'line', color: '#888', strokeDash: [5, 4], strokeWidth: 1.5, interpolate: 'step-after'},
        encoding: {x, y, order: {field: 'cost', type: 'quantitative'}},
      },
      {
        data: {name: 'runs'},
        mark: {type: 'point', filled: true, size: 22},
        encoding: {
          x,
          y,
          color,
          opacity: whenInFocus(0.4),
          tooltip: [{field: 'strategy', type: 'nominal'}, {field: 'seed', type: 'nominal'}, ...numbers],
        },
      },
      {
        data: {name: 'means'},
        mark: {type: 'point', filled: true, size: 130, stroke: '#888', strokeWidth: 0.8},
        encoding: {
          x,
          y,
          color,
          opacity: whenInFocus(1),
          tooltip: [
            {field: 'strategy', type: 'nominal'},
            ...numbers,
            {field: 'n', type: 'nominal', title: 'seeds'},
            {field: 'front', type: 'nominal', title: 'on the front'},
          ],
        },
      },
    ],
  });
}
