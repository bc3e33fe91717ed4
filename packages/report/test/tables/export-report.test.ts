import {fromArrow} from 'arquero';
import {expect} from 'chai';
import {buildReport, type ExportFormat, exportFormats, exportReport, loadRuns, type Report} from '../../src/index.ts';
import {writeSyntheticRun} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

/** A report of two strategies with `seeds` seeds: `replay` is well above `fine-tuning`. */
function withReport(seeds: number, use: (report: Report) => void): Promise<void> {
  return inTemporaryFolder((root) => {
    for (const label of ['replay', 'fine-tuning']) {
      for (let seed = 0; seed < seeds; seed++) writeSyntheticRun(root, {label, seed, examplesPerTask: 60});
    }
    use(buildReport(loadRuns([root])));
  });
}

describe('exports of a report', () => {
  it('are the same each time, in every format', () =>
    withReport(2, (report) => {
      for (const format of Object.keys(exportFormats) as ExportFormat[]) {
        expect(exportReport(report, format), format).to.deep.equal(exportReport(report, format));
        expect(exportReport(report, format).length, format).to.be.greaterThan(100);
      }
    }));

  it('give back every number as JSON and as Arrow', () =>
    withReport(2, (report) => {
      const data = JSON.parse(exportReport(report, 'json') as string) as Report;
      expect(data.rows).to.deep.equal(report.rows);
      expect(data.leaderboards[0]!.comparisons).to.have.length(1);
      const table = fromArrow(exportReport(report, 'arrow') as Uint8Array);
      expect(table.numRows()).to.equal(report.rows.length);
      expect(table.array('value')).to.deep.equal(report.rows.map(({value}) => value));
      expect(table.array('reason')).to.deep.equal(report.rows.map(({reason}) => reason));
    }));

  it('have the best in bold where six seeds resolve it, and nothing in bold with three', async () => {
    await withReport(6, (report) => {
      expect(exportReport(report, 'markdown')).to.match(/\| replay \| \*\*0\.\d+ ± 0\.\d+\*\* \|/);
      expect(exportReport(report, 'latex')).to.match(/replay & \\textbf\{0\.\d+ \$\\pm\$ 0\.\d+\} &/);
    });
    await withReport(3, (report) => {
      expect(exportReport(report, 'markdown')).to.not.contain('**');
      expect(exportReport(report, 'latex')).to.not.contain('textbf');
      expect(exportReport(report, 'latex')).to.contain('not resolvable with n = 3');
    });
  });

  it('are booktabs tables with one cell per column', () =>
    withReport(2, (report) => {
      const text = exportReport(report, 'latex') as string;
      for (const rule of ['\\toprule', '\\midrule', '\\bottomrule']) expect(text).to.contain(rule);
      const columns = /\\begin\{tabular\}\{(l r*|lr*)\}/.exec(text)![1]!.length;
      const lines = text.split('\n').filter((line) => line.endsWith('\\\\'));
      expect(lines).to.have.length(3);
      for (const line of lines) expect(line.split(/(?<!\\)&/)).to.have.length(columns);
    }));

  it('escape what LaTeX and Markdown would read as markup', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {label: '\\input{/etc/passwd}|<b>*_$&%#^~', tasks: 2, examplesPerTask: 10});
      const report = buildReport(loadRuns([root]));
      expect(exportReport(report, 'latex')).to.contain(
        '\\textbackslash{}input\\{/etc/passwd\\}|<b>*\\_\\$\\&\\%\\#\\textasciicircum{}\\textasciitilde{}',
      );
      expect(exportReport(report, 'markdown')).to.contain('\\\\input\\{/etc/passwd\\}\\|&lt;b&gt;\\*\\_$&amp;%\\#^\\~');
    }));

  it('refuse a format that does not exist, naming those that do', () =>
    withReport(1, (report) => {
      expect(() => exportReport(report, 'xlsx' as ExportFormat)).to.throw(
        /csv, json, markdown, latex, arrow\), got "xlsx"/,
      );
    }));
});
