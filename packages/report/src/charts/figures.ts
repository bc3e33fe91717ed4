import type {TopLevelSpec} from 'vega-lite';
import {metrics} from '../metrics/metrics.ts';
import type {Arrangement, Group, Setting} from '../runs/groups.ts';
import type {Leaderboard} from '../tables/leaderboard.ts';
import type {Row} from '../tables/rows.ts';
import {streamRanks} from '../tables/stream-ranks.ts';
import {accuracyHeatMap} from './accuracy-heat-map.ts';
import {confusionFigures} from './confusion-figures.ts';
import {costFigure} from './cost-figures.ts';
import {
  accuracySoFarRows,
  comparisonRows,
  costRows,
  growthRows,
  learningSpeedRows,
  lossRows,
  matrixRows,
} from './figure-rows.ts';
import {growthTimeline} from './growth-timeline.ts';
import {learningCurves} from './learning-curves.ts';
import {overTasks} from './over-tasks.ts';
import {rankDiagram} from './rank-diagram.ts';
import {strategyComparison} from './strategy-comparison.ts';

/** One chart of a figure. */
export interface Panel {
  readonly title: string;
  /** Panels with the same heading stand together under it. */
  readonly group?: string;
  /** The strategy that it is about; undefined where it is about several. */
  readonly strategy?: string;
  /** What the chart shows, in words, for those who cannot see it. */
  readonly description: string;
  readonly spec: TopLevelSpec;
}

/** Charts that belong together: small multiples with one legend and one guide to reading them. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly guide: string;
  /** Which legend the page puts above the panels; `none` where the axes name everything. */
  readonly legend: 'strategies' | 'changes' | 'accuracy' | 'subjects' | 'none';
  /** Panels side by side: `wide` ones take half the page, `narrow` ones a sixth. */
  readonly size: 'wide' | 'narrow';
  readonly panels: readonly Panel[];
}

/** What the figures are drawn from: a report, or the part of one. */
export interface FigureSource {
  readonly arrangement: Arrangement;
  readonly rows: readonly Row[];
  readonly leaderboards: readonly Leaderboard[];
}

/** Every figure of a report; those without anything to draw are left out. */
export function figures({arrangement, rows, leaderboards}: FigureSource): Figure[] {
  const {settings, strategies} = arrangement;
  const ranked = streamRanks(leaderboards);
  const all: Figure[] = [
    {
      id: 'comparison',
      title: 'Accuracy after the last task',
      guide:
        'Each point is one seed, the tick their mean, the line a 95% bootstrap interval of the mean. With few seeds the interval is too narrow: look at the points.',
      legend: 'none',
      size: 'wide',
      panels: settings.map((setting) => comparison(setting, rows, strategies, 'acc', [0, 1])),
    },
    {
      id: 'ranks',
      title: 'Ranks over streams',
      guide:
        "Mean rank by ACC over all settings of this report, 1 for the best. A bar joins strategies that are not told apart by Nemenyi's test at level 0.05; with few settings that is most of them.",
      legend: 'none',
      size: 'wide',
      panels: ranked
        ? [
            {
              title: `${ranked.blocks} settings`,
              description: 'Critical-difference diagram of the mean ranks of strategies over settings.',
              spec: rankDiagram(ranked.ranks, {strategies, blocks: ranked.blocks}),
            },
          ]
        : [],
    },
    costFigure(settings, rows, strategies),
    {
      id: 'accuracy-over-tasks',
      title: 'Accuracy over tasks',
      guide:
        'Mean accuracy on the tasks met so far, after each task: a bold line is the mean over seeds, a faint one a seed (the first ten). A line that falls is a strategy that forgets, or a problem that gets harder.',
      legend: 'strategies',
      size: 'wide',
      panels: settings.map((setting) => ({
        title: setting.name,
        description: `Line chart of the mean accuracy on tasks met so far against the task, per strategy, ${setting.name}.`,
        spec: overTasks(accuracySoFarRows(setting), {
          title: 'accuracy so far',
          strategies,
          domain: [0, 1],
          legend: false,
        }),
      })),
    },
    {
      id: 'forgetting',
      title: 'Forgetting and backward transfer',
      guide:
        'Left of zero in backward transfer, right of zero in forgetting: accuracy on earlier tasks that was lost. The two differ in what they compare the end with; formulas are below.',
      legend: 'none',
      size: 'wide',
      panels: settings.flatMap((setting) => [
        comparison(setting, rows, strategies, 'bwt'),
        comparison(setting, rows, strategies, 'forgetting-earlier-peak'),
      ]),
    },
    {
      id: 'matrices',
      title: 'Accuracy matrices',
      guide:
        'Accuracy on each task (columns) after each task (rows; "start" is the untrained network). The diagonal is how well a task was learnt, and a column that darkens downwards is a task being forgotten. Means over seeds; grey cells have no accuracy, the reason is shown on hover.',
      legend: 'accuracy',
      size: 'narrow',
      panels: settings.flatMap((setting) => setting.groups.map((group) => matrix(setting, group))),
    },
    ...confusionFigures(settings),
    {
      id: 'growth',
      title: 'Growth timeline',
      guide:
        'Each row is a module: its band begins with the task that brought it, green while it is trained and grey once it is frozen; marks say what happened, with the reason on hover.',
      legend: 'changes',
      size: 'wide',
      panels: settings.flatMap((setting) => setting.groups.flatMap((group) => growth(setting, group))),
    },
    {
      id: 'size',
      title: 'Parameters and bytes per task',
      guide:
        'What is stored after each task: parameters, frozen ones included, and all bytes, with buffers, masks and importances that a strategy keeps.',
      legend: 'strategies',
      size: 'wide',
      panels: settings.flatMap((setting) => [
        cost(setting, strategies, 'parameters', '~s', (entry) => entry.total),
        cost(setting, strategies, 'bytes', '~s', (entry) => entry.bytes),
      ]),
    },
    {
      id: 'time',
      title: 'Training time per task',
      guide: 'Wall time of training alone. A line that rises is a strategy whose work grows with the number of tasks.',
      legend: 'strategies',
      size: 'wide',
      panels: settings.map((setting) => cost(setting, strategies, 'seconds', ',.3~f', (entry) => entry.trainMs / 1000)),
    },
    {
      id: 'learning-speed',
      title: 'How fast tasks are learnt',
      guide:
        'Accuracy on a task after its first batches, the mean over tasks; 0 is before its training. LCA is the mean height of a line.',
      legend: 'strategies',
      size: 'wide',
      panels: settings.flatMap((setting) => learningSpeed(setting, strategies)),
    },
    {
      id: 'learning-curves',
      title: 'Learning curves',
      guide:
        'Training loss over the stream, with the terms that strategies add; the band is the range over seeds. A gap is a loss that was not finite.',
      legend: 'strategies',
      size: 'wide',
      panels: settings.flatMap((setting) => curves(setting, strategies)),
    },
  ];
  return all.filter((figure) => figure.panels.length > 0);
}

function comparison(
  setting: Setting,
  rows: readonly Row[],
  strategies: readonly string[],
  name: string,
  domain?: readonly [number, number],
): Panel {
  const metric = metrics.find((candidate) => candidate.name === name)!;
  return {
    title: `${setting.name}: ${metric.label}`,
    description: `Dot plot of ${metric.label} per strategy, every seed a point, ${setting.name}. The table above has the numbers.`,
    spec: strategyComparison(comparisonRows(rows, setting.name, name), {
      title: metric.label,
      strategies,
      better: metric.better,
      ...(domain ? {domain} : {}),
    }),
  };
}

function matrix(setting: Setting, group: Group): Panel {
  return {
    title: group.strategy,
    group: setting.name,
    strategy: group.strategy,
    description: `Heat map of the accuracy on each task after each task: ${group.strategy}, ${setting.name}.`,
    spec: accuracyHeatMap(matrixRows(group)),
  };
}

/** At most so many modules are drawn; more would make a chart that nobody reads. */
const MODULES = 60;

function growth(setting: Setting, group: Group): Panel[] {
  const run = group.runs.find((candidate) => candidate.growth.length > 0);
  if (!run) return [];
  const rows = growthRows(run);
  const modules = [...new Set(rows.map((row) => row.module))];
  const shown = new Set(modules.slice(0, MODULES));
  const cut = modules.length > MODULES ? `, first ${MODULES} of ${modules.length} modules` : '';
  const others = group.runs.filter((other) => other !== run);
  const same = others.every((other) => shape(growthRows(other)) === shape(rows));
  const seeds = others.length === 0 ? '' : same ? ', the same for every seed' : '; other seeds differ';
  return [
    {
      title: `${group.strategy} (seed ${run.seed}${seeds}${cut})`,
      group: setting.name,
      strategy: group.strategy,
      description: `Timeline of which task added, froze or reused which module: ${group.strategy}, ${setting.name}.`,
      spec: growthTimeline(
        rows.filter((row) => shown.has(row.module)),
        {tasks: run.taskCount, legend: false},
      ),
    },
  ];
}

function shape(rows: readonly {task: number; module: string; change: string}[]): string {
  return JSON.stringify(rows.map(({task, module, change}) => [task, module, change]));
}

function cost(
  setting: Setting,
  strategies: readonly string[],
  title: string,
  format: string,
  value: Parameters<typeof costRows>[1],
): Panel {
  return {
    title: `${setting.name}: ${title}`,
    description: `Line chart of ${title} per task and strategy, ${setting.name}.`,
    spec: overTasks(costRows(setting, value), {
      title,
      strategies,
      format,
      along: title === 'seconds' ? 'task' : 'after task',
      legend: false,
      height: 180,
    }),
  };
}

function learningSpeed(setting: Setting, strategies: readonly string[]): Panel[] {
  const rows = learningSpeedRows(setting);
  if (rows.length === 0) return [];
  return [
    {
      title: setting.name,
      description: `Line chart of the accuracy on a task after its first batches, per strategy, ${setting.name}.`,
      spec: overTasks(rows, {title: 'accuracy', strategies, domain: [0, 1], along: 'after batch', legend: false}),
    },
  ];
}

function curves(setting: Setting, strategies: readonly string[]): Panel[] {
  const rows = lossRows(setting.groups);
  if (rows.length === 0) return [];
  const tasks = Math.max(...setting.groups.flatMap(({runs}) => runs.map((run) => run.taskCount)));
  return [
    {
      title: setting.name,
      description: `Line chart of the training loss over the stream, per strategy, ${setting.name}.`,
      spec: learningCurves(rows, {strategies, tasks, legend: false}),
    },
  ];
}
