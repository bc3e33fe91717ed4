import {expect} from 'chai';
import type {TopLevelSpec} from 'vega-lite';
import {
  accuracyHeatMap,
  buildReport,
  checkedSpec,
  colours,
  confusionMatrix,
  costFront,
  figures,
  growthTimeline,
  learningCurves,
  loadRuns,
  overTasks,
  rankDiagram,
  routingHeatMap,
  strategyComparison,
  strategyScale,
  type TaskCost,
  taskTimes,
} from '../../src/index.ts';
import {draw} from '../support/draw.ts';
import {expectGolden, expectGoldenSvg} from '../support/golden.ts';
import {writeSyntheticSet} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

const strategies = ['ewc', 'grow'];
const seeds = [
  {strategy: 'ewc', seed: 0, value: 0.7},
  {strategy: 'ewc', seed: 1, value: 0.72},
  {strategy: 'grow', seed: 0, value: 0.9},
  {strategy: 'grow', seed: 1, value: null},
];
const perTask = [0, 1].flatMap((task) => seeds.map((row) => ({...row, task})));

const cost = (task: number): TaskCost => ({
  task,
  total: 10,
  trainable: 10,
  active: 10,
  bytes: 40,
  trainMs: 1000 + 500 * task,
  evaluateMs: 300,
  compileMs: 100,
  durationMs: 2000,
  cpuMs: undefined,
  memoryPeakBytes: undefined,
  flopsPerExample: undefined,
  flopsActive: undefined,
});

/** One chart of each kind, from a handful of rows. */
const charts: Readonly<Record<string, TopLevelSpec>> = {
  'strategy-comparison': strategyComparison(seeds, {title: 'ACC', strategies, domain: [0, 1], better: 'higher'}),
  'over-tasks': overTasks(perTask, {title: 'accuracy so far', strategies, domain: [0, 1]}),
  'accuracy-heat-map': accuracyHeatMap([
    {afterTask: -1, evalTask: 0, value: null, n: 0, reason: 'the head does not exist yet'},
    {afterTask: -1, evalTask: 1, value: null, n: 0, reason: 'the head does not exist yet'},
    {afterTask: 0, evalTask: 0, value: 0.9, n: 2, reason: ''},
    {afterTask: 0, evalTask: 1, value: 0.1, n: 2, reason: ''},
    {afterTask: 1, evalTask: 0, value: 0.85, n: 2, reason: ''},
    {afterTask: 1, evalTask: 1, value: 0.95, n: 2, reason: ''},
  ]),
  'growth-timeline': growthTimeline(
    [
      {task: 0, module: 'base', change: 'add', reason: 'first', parametersAdded: 100},
      {task: 1, module: 'base', change: 'freeze', reason: 'shared', parametersAdded: 0},
      {task: 1, module: 'base', change: 'reuse', reason: 'shared', parametersAdded: 0},
      {task: 1, module: 'module:1', change: 'add', reason: 'a module per task', parametersAdded: 10},
      {task: 2, module: 'module:1', change: 'remove', reason: 'not needed', parametersAdded: -10},
    ],
    {tasks: 3},
  ),
  'learning-curves': learningCurves(
    [
      {strategy: 'ewc', task: 0, position: 0.5, mean: 1, low: 0.9, high: 1.1, n: 2},
      {strategy: 'ewc', task: 0, position: 1, mean: null, low: null, high: null, n: 1},
      {strategy: 'ewc', task: 1, position: 1.5, mean: 0.5, low: 0.4, high: 0.6, n: 2},
    ],
    {strategies, tasks: 2},
  ),
  'confusion-matrix': confusionMatrix(
    [
      {truth: 0, taken: 0, examples: 9},
      {truth: 0, taken: 1, examples: 1},
      {truth: 1, taken: -1, examples: 2},
      {truth: 1, taken: 1, examples: 8},
    ],
    {noun: 'task'},
  ),
  'cost-front': costFront(
    [
      {strategy: 'ewc', seed: 0, cost: 1, value: 0.7},
      {strategy: 'ewc', seed: 1, cost: 3, value: 0.72},
      {strategy: 'grow', seed: 0, cost: 4, value: 0.9},
    ],
    {strategies, costTitle: 'seconds', valueTitle: 'ACC', format: '~g'},
  ),
  'rank-diagram': rankDiagram(
    [
      {strategy: 'ewc', rank: 1.8},
      {strategy: 'grow', rank: 1.2},
    ],
    {strategies, blocks: 5},
  ),
  'task-times': taskTimes([cost(0), cost(1)]),
  'routing-heat-map': routingHeatMap([
    {afterTask: 1, evalTask: 0, site: 's', modules: ['a', 'b'], load: [0.9, 0.1], entropy: 0.2, examples: 10},
    {afterTask: 1, evalTask: 1, site: 's', modules: ['a', 'b'], load: [0.25, 0.75], entropy: 0.5, examples: 10},
  ]),
};

describe('charts', () => {
  for (const [name, spec] of Object.entries(charts)) {
    it(`${name}: the spec is the golden one, draws without a warning, and twice the same`, async () => {
      expectGolden(name, spec);
      const svg = await draw(spec);
      expectGoldenSvg(name, svg);
      expect(svg).to.match(/role-mark/);
      expect(svg).to.not.match(/NaN|undefined/);
      expect(await draw(spec)).to.equal(svg);
    });
  }

  it('shows every seed, and a mean only where all seeds have a value', () => {
    const {datasets} = charts['over-tasks']!;
    expect(datasets!['seeds']).to.have.length(6);
    expect((datasets!['means'] as {strategy: string}[]).map(({strategy}) => strategy)).to.deep.equal(['ewc', 'ewc']);
  });

  it('follows the life of a module: trained, frozen from the task that froze it, gone once removed', () => {
    const lives = charts['growth-timeline']!.datasets!['lives'] as {
      module: string;
      state: string;
      first: number;
      last: number;
    }[];
    expect(lives.map(({module, state, first, last}) => [module, state, first, last])).to.deep.equal([
      ['base', 'trained', 0, 0],
      ['base', 'frozen', 1, 2],
      ['module:1', 'trained', 1, 1],
    ]);
  });

  it('refuses a field that a row does not have: inline, named and inherited data', () => {
    const encoding = {x: {field: 'valeu', type: 'quantitative'}} as const;
    const values = [{value: 1}];
    const wrong: TopLevelSpec[] = [
      {data: {values}, mark: 'point', encoding},
      {datasets: {rows: values}, layer: [{data: {name: 'rows'}, mark: 'point', encoding}]},
      {data: {values}, layer: [{mark: 'point', encoding}]},
    ];
    for (const spec of wrong) {
      expect(() => checkedSpec('test', spec)).to.throw(
        /E_SHAPE.*"test" expects every row to have valeu; a row has only value/,
      );
    }
    const bad = [{strategy: 'ewc', seed: 0, valeu: 1}] as unknown as Parameters<typeof overTasks>[0];
    expect(() => overTasks(bad, {title: 't', strategies})).to.throw(/E_SHAPE/);
  });

  it('refuses a misspelt property, which vega-lite alone would let pass', async () => {
    const spec = {data: {values: [{a: 1}]}, mark: 'point', encoding: {xx: {field: 'a', type: 'quantitative'}}};
    const error = await draw(spec as unknown as TopLevelSpec).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).to.match(/vega says: .*xx/);
  });

  it('gives a strategy the same colour in every chart, and the first eight different ones', () => {
    expect(new Set(colours).size).to.equal(colours.length);
    expect(strategyScale(['a', 'b']).range).to.deep.equal(colours.slice(0, 2));
    const all = JSON.stringify(charts['strategy-comparison']);
    expect(all).to.contain(JSON.stringify(strategyScale(strategies)));
    expect(JSON.stringify(charts['over-tasks'])).to.contain(JSON.stringify(strategyScale(strategies)));
  });

  it('draws every figure of a full set without a warning', () =>
    inTemporaryFolder(async (root) => {
      writeSyntheticSet(root, {seeds: 2, examplesPerTask: 20});
      const report = buildReport(loadRuns([root]));
      const all = figures(report);
      expect(all.map(({id}) => id)).to.deep.equal([
        'comparison',
        'ranks',
        'cost',
        'accuracy-over-tasks',
        'forgetting',
        'matrices',
        'confusion',
        'task-confusion',
        'growth',
        'size',
        'time',
        'learning-curves',
      ]);
      for (const {spec, title} of all.flatMap(({panels}) => panels)) {
        const svg = await draw(spec);
        expect(svg, title).to.match(/role-mark[^>]*>\s*<(path|line|g)/);
        expect(svg, title).to.not.match(/NaN|undefined/);
      }
    }));
});
