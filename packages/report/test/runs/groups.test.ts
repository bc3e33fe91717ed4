import {expect} from 'chai';
import {arrange, loadRuns} from '../../src/index.ts';
import {displayJson, displayText} from '../../src/runs/display-text.ts';
import {writeSyntheticRun} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

const small = {tasks: 2, examplesPerTask: 10} as const;

describe('arranging runs', () => {
  it('never pools configs that share a label, and shows which is which', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {...small, label: 'ewc'});
      const {runs} = loadRuns([root]);
      const other = {...runs[0]!, hash: 'abcdef0123', id: 'other'};
      const {settings, strategies} = arrange([...runs, other]);
      expect(strategies).to.deep.equal(['ewc (6577637)', 'ewc (abcdef0)']);
      expect(settings[0]!.groups.map((group) => group.runs.length)).to.deep.equal([1, 1]);
    }));

  it('keeps settings apart by data set, and names only what tells them apart', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {...small, label: 'ewc'});
      writeSyntheticRun(root, {...small, label: 'ewc', scenario: 'class-incremental'});
      const {runs} = loadRuns([root]);
      expect(arrange(runs).settings.map(({name}) => name)).to.deep.equal(['task-incremental', 'class-incremental']);
      const mixed = arrange([
        ...runs,
        {...runs.find((run) => run.scenario === 'task-incremental')!, dataset: 'mnist', id: 'other'},
      ]);
      expect(mixed.settings.map(({name}) => name)).to.include('task-incremental · mnist');
      expect(mixed.settings).to.have.length(3);
    }));

  it('keeps apart names that look the same once cut', () =>
    inTemporaryFolder((root) => {
      for (const end of ['a', 'b']) writeSyntheticRun(root, {...small, experiment: end, label: 'x'.repeat(300) + end});
      const loaded = loadRuns([root]).runs.map((run) => ({...run, experiment: 'same'}));
      const {strategies} = arrange(loaded);
      expect(new Set(strategies).size).to.equal(2);
      for (const name of strategies) expect(name.length).to.be.at.most(44);
    }));
});

describe('text of unknown origin', () => {
  it('loses control characters and direction marks, and is cut', () => {
    expect(displayText('a\u202eb\u0007c\n\td')).to.equal('a\ufffdb\ufffdc d');
    expect(displayText('x'.repeat(10_000))).to.have.length(80);
    expect(displayText(`${'x'.repeat(78)}😀😀`)).to.equal(`${'x'.repeat(78)}…`);
  });

  it('shows in JSON as what it is', () => {
    expect(displayJson({a: 'x\u202ey'})).to.equal('{\n  "a": "x\\u{202e}y"\n}');
  });
});
