import {metrics} from '../metrics/metrics.ts';
import type {Setting} from '../runs/groups.ts';
import type {Row} from '../tables/rows.ts';
import {type CostValueRow, costFront} from './cost-front.ts';
import type {Figure, Panel} from './figures.ts';

// What is cheap in one of them may be dear in another. Costs that no run measured make no panel.
const costs = [
  {name: 'training-time', format: ',.3~f'},
  {name: 'parameters', format: '~s'},
  {name: 'bytes', format: '~s'},
  {name: 'flops-per-example', format: '~s'},
] as const;

/** Accuracy against cost, with the front of what no other strategy beats in both. */
export function costFigure(settings: readonly Setting[], rows: readonly Row[], strategies: readonly string[]): Figure {
  return {
    id: 'cost',
    title: 'Accuracy against cost',
    guide:
      'Up and left is better. A large point is the mean of a strategy, a small one a run; the dashed line joins the strategies that no other beats in both accuracy and cost.',
    legend: 'strategies',
    size: 'wide',
    panels: settings.flatMap((setting) =>
      costs.flatMap(({name, format}): Panel[] => {
        const points = costValueRows(rows, setting.name, name);
        const metric = metrics.find((candidate) => candidate.name === name)!;
        if (points.length === 0) return [];
        const costTitle =
          metric.unit === 's' || metric.unit === 'bytes' ? `${metric.label} [${metric.unit}]` : metric.label;
        return [
          {
            title: metric.label,
            group: setting.name,
            description: `Scatter plot of ACC against ${metric.label} per strategy, ${setting.name}, with the Pareto front of the means.`,
            spec: costFront(points, {strategies, costTitle, valueTitle: 'ACC', format, domain: [0, 1], legend: false}),
          },
        ];
      }),
    ),
  };
}

/** Cost and ACC of every run of a setting that has both. */
function costValueRows(rows: readonly Row[], setting: string, cost: string): CostValueRow[] {
  const costs = new Map(rows.flatMap((row) => (row.metric === cost ? [[row.run, row.value] as const] : [])));
  return rows.flatMap(({scenario, metric, run, label, seed, value}) => {
    const price = costs.get(run);
    if (scenario !== setting || metric !== 'acc' || value === null || price == null) return [];
    return [{strategy: label, seed, cost: Number(price.toPrecision(6)), value: Number(value.toPrecision(6))}];
  });
}
