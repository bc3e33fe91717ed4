import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {accrete, inFolder, tiny, writeExperiment} from './support/accrete.ts';

describe('accrete compare', function () {
  this.timeout(120_000);

  it('sets a saved report against run folders, and says what is the same and what differs', () =>
    inFolder(async (folder) => {
      const one = {...tiny, seeds: [0], variants: [{label: 'fine-tuning'}]};
      const file = writeExperiment(folder, one);
      await accrete(folder, ['run', file, '--report', 'saved.html']);
      const same = await accrete(folder, ['compare', 'saved.html', 'runs', '--out', 'same.html']);
      expect(same.code, same.err).to.equal(0);
      expect(same.out).to.match(/fine-tuning {2}ACC \+0\.000 {2}the same for every seed; same config/);
      expect(readFileSync(join(folder, 'same.html'), 'utf8')).to.contain('two reports compared');

      const longer = writeExperiment(folder, {...one, train: {epochs: 2, batchSize: 16}}, 'longer.yaml');
      await accrete(folder, ['run', longer, '--out', 'more', '--no-report']);
      const changed = await accrete(folder, ['compare', 'runs', 'more', '--out', 'changed.html']);
      expect(changed.code, changed.err).to.equal(0);
      expect(changed.out).to.match(/1 setting differs/);
      expect(readFileSync(join(folder, 'changed.html'), 'utf8')).to.match(/train\.epochs<\/code>.*>1<.*>2</s);
    }));

  it('refuses a page that is no report, and a path that is missing', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'page.html'), '<p>no report</p>');
      const none = await accrete(folder, ['compare', 'page.html', 'page.html']);
      expect([none.code, none.err]).to.deep.equal([
        2,
        'E_RECORD: page.html is no report that carries its evidence (those of very many runs do not). Give the run folders instead.\n',
      ]);
      const missing = await accrete(folder, ['compare', 'page.html', 'nowhere']);
      expect(missing.code).to.equal(2);
      expect(missing.err).to.match(/E_FILE: no such folder: nowhere/);
    }));
});
