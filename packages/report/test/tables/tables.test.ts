import {op} from 'arquero';
import {expect} from 'chai';
import {
  buildReport,
  formatMeanSd,
  formatSeconds,
  formatValue,
  loadRuns,
  metrics,
  type Row,
  renderTextSummary,
  summarise,
  toCsv,
  toTable,
} from '../../src/index.ts';
import {writeSyntheticRun} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

const row = (seed: number, value: number | null, label = 'ewc'): Row => ({
  run: `r${seed}`,
  label,
  scenario: 'task-incremental',
  seed,
  metric: 'acc',
  unit: 'fraction',
  value,
  status: value === null ? 'non-finite' : 'ok',
  reason: value === null ? 'it diverged' : '',
  n: 10,
});

describe('summaries', () => {
  it('average the finite values and count all', () => {
    const [summary] = summarise([row(0, 0.5), row(1, 0.7), row(2, null)]);
    expect(summary).to.deep.include({min: 0.5, max: 0.7, finite: 2, total: 3, reason: 'it diverged'});
    expect(summary!.mean).to.be.closeTo(0.6, 1e-12);
    expect(summary!.sd).to.be.closeTo(Math.sqrt(0.02), 1e-12);
  });

  it('have null, never NaN, where there is nothing to average', () => {
    expect(summarise([row(0, null)])[0]).to.deep.include({
      mean: null,
      sd: null,
      min: null,
      max: null,
      finite: 0,
      total: 1,
    });
    expect(summarise([row(0, 0.5)])[0]).to.deep.include({mean: 0.5, sd: null});
    expect(summarise([])).to.deep.equal([]);
  });

  it('are one table away from any other analysis', () => {
    const table = toTable([row(0, 0.5), row(1, 0.7)]).rollup({best: op.max('value')});
    expect(table.get('best', 0)).to.equal(0.7);
  });
});

describe('leaderboards', () => {
  /** Runs of one strategy per seed, with ACC moved to the given values. */
  const boardOf = (root: string, values: Readonly<Record<string, readonly number[]>>) => {
    for (const [label, list] of Object.entries(values)) {
      for (const seed of list.keys()) writeSyntheticRun(root, {label, seed, tasks: 1, examplesPerTask: 4});
    }
    const {runs, problems} = loadRuns([root]);
    const moved = runs.map((run) => ({
      ...run,
      matrix: {...run.matrix, after: [[{status: 'ok' as const, value: values[run.label]![run.seed]!, examples: 4}]]},
    }));
    return buildReport({runs: moved, problems}).leaderboards[0]!;
  };

  it('sort by ACC, and say that three seeds resolve nothing', () =>
    inTemporaryFolder((root) => {
      const board = boardOf(root, {a: [0.5, 0.5, 0.5], b: [0.9, 0.9, 0.9]});
      expect(board.entries.map(({strategy}) => strategy)).to.deep.equal(['b', 'a']);
      expect(board.entries.some(({best}) => best)).to.equal(false);
      expect(board.verdict).to.match(
        /b has the highest mean ACC.*not resolvable with n = 3 \(smallest possible two-sided p is 0\.25\)/,
      );
    }));

  it('mark the best where six seeds agree against every other', () =>
    inTemporaryFolder((root) => {
      const board = boardOf(root, {a: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], b: [0.9, 0.8, 0.9, 0.8, 0.9, 0.8]});
      expect(board.entries.map(({best}) => best)).to.deep.equal([true, false]);
      expect(board.verdict).to.match(/told apart from every other over 6 seeds \(largest p = 0\.031\)/);
    }));

  it('mark nothing where one strategy is too close', () =>
    inTemporaryFolder((root) => {
      const board = boardOf(root, {
        a: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
        b: [0.9, 0.8, 0.9, 0.8, 0.9, 0.8],
        c: [0.8, 0.9, 0.8, 0.85, 0.85, 0.85],
      });
      expect(board.entries.some(({best}) => best)).to.equal(false);
      expect(board.verdict).to.match(/b has the highest mean ACC, but over 6 seeds it is not told apart from c/);
    }));

  it('do not test strategies that were run with different seeds', () =>
    inTemporaryFolder((root) => {
      expect(boardOf(root, {a: [0.5, 0.6], b: [0.9]}).verdict).to.match(
        /do not have finite results for the same seeds/,
      );
    }));
});

describe('exports and terminal tables', () => {
  it('hold one line per run and metric, with quotes where CSV needs them', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {label: 'a,"b"', tasks: 2, examplesPerTask: 10});
      const csv = toCsv(buildReport(loadRuns([root])).rows)
        .trimEnd()
        .split('\n');
      expect(csv[0]).to.equal('run,label,scenario,seed,metric,unit,value,status,reason,n');
      expect(csv).to.have.length(1 + metrics.length);
      expect(csv[1]).to.contain('"a,""b"""');
    }));

  it('show the leaderboard as text, with notes, shortfalls and no control characters', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {
        label: 'red\u001b[31m',
        tasks: 2,
        examplesPerTask: 10,
        dataNotes: ['procedural images'],
      });
      const text = renderTextSummary(buildReport(loadRuns([root, `${root}/nowhere`])));
      expect(text).to.match(/NOTE \(1 of 1 runs\): procedural images/);
      expect(text).to.match(/strategy +ACC +BWT/);
      expect(text).to.match(/1 of 1/);
      expect(text).to.match(/Not as it should be:\n.*nowhere: cannot be read/);
      expect(text).to.not.contain('\u001b');
      expect(renderTextSummary(buildReport({runs: [], problems: []}))).to.equal('No runs to report.\n');
    }));

  it('write numbers as readers expect them', () => {
    expect(formatValue(-0.12345, 'fraction')).to.equal('−0.123');
    expect(formatValue(-0.0001, 'fraction')).to.equal('0.000');
    expect(formatValue(269_322, 'parameters')).to.equal('269 k');
    expect(formatValue(999, 'bytes')).to.equal('999 B');
    expect(formatValue(1_634_000, 'bytes')).to.equal('1.63 MB');
    expect([0.42, 9.96, 200, 7500].map(formatSeconds)).to.deep.equal(['0.42 s', '10.0 s', '3 min 20 s', '2 h 05 min']);
    expect(formatMeanSd({mean: 0.5, sd: 0.01, unit: 'fraction'})).to.equal('0.500 ± 0.010');
    expect(formatMeanSd({mean: null, sd: null, unit: 'fraction'})).to.equal('–');
  });
});
