import {existsSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {readEvents} from '@accrete/kit';
import {expect} from 'chai';
import {accrete, inFolder, tiny, writeExperiment} from './support/accrete.ts';

describe('accrete run', function () {
  this.timeout(120_000);

  it('computes every run, prints a summary, writes a report, and skips what is finished the second time', () =>
    inFolder(async (folder) => {
      const file = writeExperiment(folder, tiny);
      const first = await accrete(folder, ['run', file, '--jobs', '2']);
      expect(first.code, first.err).to.equal(0);
      expect(first.out).to.match(/task-incremental[\s\S]*fine-tuning[\s\S]*2 of 2/);
      expect(first.out).to.contain('Report: reports/tiny.html');
      expect(first.err).to.match(/tiny: 4 runs, 2 at once\n/);
      expect(first.err).to.match(/\[4\/4\]/);
      const html = readFileSync(join(folder, 'reports/tiny.html'), 'utf8');
      expect(html).to.match(/^<!doctype html>/i);
      const runs = readdirSync(join(folder, 'runs/tiny'));
      expect(runs).to.have.length(4);
      const modified = runs.map((run) => readFileSync(join(folder, 'runs/tiny', run, 'events.jsonl'), 'utf8'));
      const second = await accrete(folder, ['run', file]);
      expect(second.code, second.err).to.equal(0);
      expect(second.err).to.contain('4 of 4 runs were finished already.');
      expect(runs.map((run) => readFileSync(join(folder, 'runs/tiny', run, 'events.jsonl'), 'utf8'))).to.deep.equal(
        modified,
      );
      expect(second.out).to.equal(first.out);
    }));

  it('takes --seeds, --set, --engine and --out, and gives the same outcomes with one job as with two', () =>
    inFolder(async (folder) => {
      const file = writeExperiment(folder, tiny);
      const flags = ['run', file, '--no-report', '--seeds', '3..4', '--set', 'train.epochs=2', '--engine', 'onnx'];
      const outcomes = async (jobs: string): Promise<string[]> => {
        const {code, err, out} = await accrete(folder, [...flags, '--jobs', jobs, '--out', `out-${jobs}`]);
        expect(code, err).to.equal(0);
        expect(out).to.equal('');
        return readdirSync(join(folder, `out-${jobs}/tiny`)).flatMap((run) => {
          const at = join(folder, `out-${jobs}/tiny`, run);
          const config = JSON.parse(readFileSync(join(at, 'config.json'), 'utf8'));
          expect(config.train.epochs).to.equal(2);
          expect([3, 4]).to.include(config.seed);
          expect(config.engine.kind).to.equal('onnx');
          return readdirSync(join(at, 'outcomes')).map((name) =>
            readFileSync(join(at, 'outcomes', name)).toString('base64'),
          );
        });
      };
      expect(await outcomes('1')).to.deep.equal(await outcomes('2'));
      expect(existsSync(join(folder, 'reports'))).to.equal(false);
    }));

  it('goes on with a run that a vanished process left, through run and through resume', () =>
    inFolder(async (folder) => {
      const file = writeExperiment(folder, {...tiny, seeds: [0], variants: [{label: 'fine-tuning'}]});
      await accrete(folder, ['run', file, '--no-report']);
      const [name] = readdirSync(join(folder, 'runs/tiny'));
      const run = join('runs/tiny', name!);
      const log = join(folder, run, 'events.jsonl');
      const finalHash = (): string | null => {
        const last = readEvents(log).events.at(-1)!;
        return last.type === 'run-end' ? last.parametersHash : null;
      };
      const before = finalHash();
      rmSync(join(folder, run, 'status.json'));
      const resumed = await accrete(folder, ['resume', run]);
      expect(resumed.code, resumed.err).to.equal(0);
      expect(resumed.out).to.match(/is finished\.\n$/);
      expect(finalHash()).to.equal(before);
      const again = await accrete(folder, ['resume', run]);
      expect(again.out).to.match(/is finished already\.\n$/);
    }));

  it('says that a run with another config is in the way, and reports the others', () =>
    inFolder(async (folder) => {
      const file = writeExperiment(folder, tiny);
      await accrete(folder, ['run', file, '--no-report']);
      const [name] = readdirSync(join(folder, 'runs/tiny'));
      const at = join(folder, 'runs/tiny', name!, 'config.json');
      const config = JSON.parse(readFileSync(at, 'utf8'));
      const {writeFileSync} = await import('node:fs');
      writeFileSync(at, JSON.stringify({...config, train: {...config.train, epochs: 7}}));
      const {code, err, out} = await accrete(folder, ['run', file]);
      expect(code).to.equal(2);
      expect(err).to.match(
        /failed: .*E_EXISTS: .* holds a run with another config \(it differs in train\)\. Choose another --out/,
      );
      expect(err).to.contain('1 of 4 runs failed; the same command tries them again.');
      expect(out).to.contain('Report: reports/tiny.html');
    }));
});
