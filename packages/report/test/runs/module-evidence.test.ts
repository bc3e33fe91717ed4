import {mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {buildReport, loadRuns, renderReport, renderTextSummary} from '../../src/index.ts';
import {evidenceRow, manyRows, writeEvidence} from '../support/evidence-rows.ts';
import {writeSyntheticRun} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

describe('evidence about modules', () => {
  it('is read beside runs and without any, each log once, and reported', () =>
    inTemporaryFolder((root) => {
      const rows = manyRows();
      writeEvidence(join(root, 'alone'), rows);
      const run = writeSyntheticRun(join(root, 'runs'), {});
      writeEvidence(run, rows.slice(0, 5));
      const loaded = loadRuns([root, join(root, 'alone')]);
      expect(loaded.problems).to.deep.equal([]);
      expect(loaded.runs).to.have.length(1);
      expect(loaded.modules!.map(({rows: own}) => own.length).sort((a, b) => a - b)).to.deep.equal([5, rows.length]);
      const alone = buildReport(loadRuns([join(root, 'alone')]));
      expect(alone.problems).to.deep.equal([]);
      expect(alone.title).to.equal('Modules: alone');
      expect(alone.modules[0]!.rows).to.deep.equal(rows);
      const page = renderReport(alone);
      for (const id of ['modules', 'evidence-density', 'evidence-ablation', 'evidence-overlap', 'evidence-experts'])
        expect(page, id).to.contain(`id="${id}"`);
      expect(page).not.to.contain('id="leaderboard"');
      expect(page).to.contain('cannot be resolved with 2 seeds: p is 0.25 at best.');
      expect(renderTextSummary(alone)).to.contain(
        'Modules in alone: fisher at 50 %: sufficiency 0.90; random 0.40 (not beaten), magnitude 0.60 (not beaten)',
      );
      const five = [0, 1, 2, 3, 4].flatMap((seed) => [
        evidenceRow({seed, value: 0.9}),
        evidenceRow({seed, value: 0.5, subject: 'random'}),
        evidenceRow({seed, value: 0.95, subject: 'magnitude'}),
        evidenceRow({seed, value: 0.2, asked: 0.5}),
        evidenceRow({seed, value: 0.5, asked: 0.5, subject: 'magnitude'}),
      ]);
      writeEvidence(join(root, 'five'), five);
      expect(renderReport(buildReport(loadRuns([join(root, 'five')]))))
        .to.contain('Not ahead of magnitude: fisher (50 %, 10 %).')
        .and.not.to.contain('Not ahead of random');
      const both = renderReport(buildReport(loaded));
      expect(both).to.contain('id="leaderboard"').and.to.contain('id="modules"');
    }));

  it('that is damaged, too long or no evidence is a problem with its place, and links are not followed', () =>
    inTemporaryFolder((root) => {
      const good = writeEvidence(join(root, 'good'), [evidenceRow({})]);
      const torn = writeEvidence(join(root, 'torn'), [evidenceRow({}), evidenceRow({seed: 1})]);
      writeFileSync(torn, readFileSync(torn, 'utf8').replace('"seed":1', '"seed":-1'));
      const other = writeEvidence(join(root, 'other'), []);
      writeFileSync(other, '{"type":"notice","seq":0,"time":"2026-01-01T00:00:00Z","code":"x","message":"y"}\n');
      mkdirSync(join(root, 'linked'));
      symlinkSync(good, join(root, 'linked/evidence.jsonl'));
      const {modules, problems} = loadRuns([join(root, 'good'), root]);
      expect(modules!.map(({path}) => path)).to.deep.equal([good]);
      const reasons = Object.fromEntries(problems.map(({path, reason}) => [path, reason]));
      expect(reasons[torn]).to.contain('line 2');
      expect(reasons[other]).to.contain('expected evidence alone');
    }));

  it('shows hostile names as text', () =>
    inTemporaryFolder((root) => {
      writeEvidence(root, [evidenceRow({method: '<img src=x onerror=alert(1)>\u202e', module: '</script><script>'})]);
      const page = renderReport(buildReport(loadRuns([root])));
      expect(page).not.to.contain('<img src=x').and.not.to.contain('</script><script>alert');
      expect(page).not.to.contain('\u202e');
    }));
});
