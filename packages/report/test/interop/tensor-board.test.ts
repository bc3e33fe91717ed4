import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import fc from 'fast-check';
import {buildReport, exportFolder, loadRuns} from '../../src/index.ts';
import {type Hyperparameter, hyperparametersOf} from '../../src/interop/hyperparameters.ts';
import {integerField} from '../../src/interop/protobuf.ts';
import type {SeriesPoint} from '../../src/interop/run-series.ts';
import {eventFile} from '../../src/interop/tensor-board.ts';
import {crc32c, tfRecords} from '../../src/interop/tf-record.ts';
import {writeSyntheticRun} from '../support/synthetic-runs.ts';
import {inTemporaryFolder} from '../support/temporary-folder.ts';

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/event-file.json'), 'utf8')) as {
  readonly tensorboard: string;
  readonly beganMs: number;
  readonly points: readonly SeriesPoint[];
  readonly file: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  readonly withSession: string;
};

describe(`event files for TensorBoard, against its own writer ${fixture.tensorboard} (test/fixtures/event-file.py)`, () => {
  it('are the same to the byte', () => {
    expect(fixture.points).to.have.length(6);
    expect(eventFile(fixture.beganMs, fixture.points).toString('base64')).to.equal(fixture.file);
  });

  it('are the same to the byte with the hyperparameters of a run', () => {
    const hyperparameters = new Map(Object.entries(fixture.hyperparameters).sort(([a], [b]) => (a < b ? -1 : 1)));
    const session = {
      hyperparameters,
      group: 'task-incremental ewc',
      startedMs: fixture.beganMs,
      endedMs: fixture.beganMs + 21_000,
      state: 'done',
    } as const;
    expect(hyperparameters.size).to.equal(6);
    expect(eventFile(fixture.beganMs, fixture.points, session).toString('base64')).to.equal(fixture.withSession);
  });

  it('hold the config of a run as hyperparameters, with the types of its values, and no seed', () =>
    inTemporaryFolder((root) => {
      writeSyntheticRun(root, {tasks: 2, examplesPerTask: 10});
      const [run] = loadRuns([root]).runs;
      const found = run && hyperparametersOf(run);
      expect(found?.get('train.optimizer.learningRate')).to.equal(0.1);
      expect(found?.get('strategy[0].kind')).to.equal('fine-tuning');
      expect(found?.has('seed')).to.equal(false);
    }));

  it('have the checksums of RFC 3720', () => {
    const ascending = Uint8Array.from({length: 32}, (_, i) => i);
    expect(crc32c(new Uint8Array(32))).to.equal(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).to.equal(0x62a8ab43);
    expect(crc32c(ascending)).to.equal(0x46dd794e);
    expect(crc32c(ascending.reverse())).to.equal(0x113fdb5c);
  });

  it('law: records can be told apart again by their lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 5}), (records) => {
        const file = tfRecords(records);
        const found: number[][] = [];
        for (let at = 0; at < file.length; ) {
          const length = Number(file.readBigUInt64LE(at));
          found.push([...file.subarray(at + 12, at + 12 + length)]);
          at += length + 16;
        }
        expect(found).to.deep.equal(records.map((record) => [...record]));
      }),
    );
  });

  it('law: whole numbers read back, seven bits at a time', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const [, ...bytes] = integerField(2, value);
        expect(bytes.reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0)).to.equal(value);
        expect(bytes.map((byte) => byte > 127)).to.deep.equal(bytes.map((_, i) => i < bytes.length - 1));
      }),
    );
  });

  it('come one per run, in folders with plain names of their own, and the same each time', () =>
    inTemporaryFolder((root) => {
      const hostile = '../../<script>\u202e';
      for (const label of [hostile, '..', '...']) writeSyntheticRun(root, {label, tasks: 2, examplesPerTask: 10});
      const report = buildReport(loadRuns([root]));
      const files = [...exportFolder(report, 'tensorboard')];
      expect(files).to.have.length(3);
      expect(new Set(files.map(({path}) => path)).size).to.equal(3);
      for (const {path, content} of files) {
        expect(path).to.match(/^[A-Za-z0-9_-][A-Za-z0-9._-]*\/events\.out\.tfevents\.1772359200\.accrete$/);
        expect(content.length).to.be.greaterThan(1000);
      }
      expect([...exportFolder(report, 'tensorboard')]).to.deep.equal(files);
    }));
});
