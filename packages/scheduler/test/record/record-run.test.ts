import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Engine} from '@accrete/engine';
import {type RunEvent, readEvents, readRun} from '@accrete/kit';
import {expect} from 'chai';
import {type RunConfigInput, readRunConfig, recordRun} from '../../src/index.ts';
import {inFolder} from '../support/folder.ts';
import {refusalOf} from '../support/refusal.ts';
import {recorded, useRecordings} from '../support/stopped-run.ts';
import {tinyConfig} from '../support/tiny-run.ts';

describe('a run folder', () => {
  const {engine, environment, optionsFor, stoppedHalfway, resume} = useRecordings();

  it('holds config, environment, status, log, outcomes and the checkpoint, and no temporary file or lock', async () => {
    await inFolder(async (folder) => {
      expect(await resume(folder)).to.deep.equal({folder, state: 'done', skipped: false});
      const names = ['checkpoint', 'config.json', 'env.json', 'events.jsonl', 'outcomes', 'status.json'];
      expect(readdirSync(folder).sort()).to.deep.equal(names);
      const record = readRun(folder);
      expect(record.status.state).to.equal('done');
      expect(record.outcomeFiles).to.deep.equal([
        'before.arrow',
        'after-000.arrow',
        'after-001.arrow',
        'after-002.arrow',
      ]);
      expect(record.events.at(-1)).to.include({type: 'run-end', status: 'done', tensorsLeaked: 0});
      expect(readRunConfig(folder)).to.deep.equal(recorded);
      expect(readdirSync(join(folder, 'checkpoint'))).to.deep.equal(['checkpoint.safetensors']);
    });
  });

  it('is left alone where it holds the finished run', async () => {
    await inFolder(async (folder) => {
      await resume(folder);
      const before = readFileSync(join(folder, 'events.jsonl'));
      expect(await resume(folder)).to.deep.equal({folder, state: 'done', skipped: true});
      expect(readFileSync(join(folder, 'events.jsonl')).equals(before)).to.equal(true);
    });
  });

  it('remembers a run that diverged, and does not try again', async () => {
    await inFolder(async (folder) => {
      const train: RunConfigInput['train'] = {optimizer: {kind: 'sgd', learningRate: 1e20}};
      const diverging = tinyConfig({train});
      expect(await resume(folder, diverging)).to.include({state: 'non-finite', skipped: false});
      const {status, events} = readRun(folder);
      expect(status).to.include({state: 'non-finite'}).and.to.have.property('reason').that.contains('not finite');
      expect(events.at(-1)).to.include({type: 'run-end', status: 'non-finite', parametersHash: null});
      expect(await resume(folder, diverging)).to.include({state: 'non-finite', skipped: true});
    });
  });

  it('is marked failed where the run was stopped by an error, and goes on from there', async () => {
    await stoppedHalfway(async (folder, log) => {
      expect(readRun(folder).status).to.include({state: 'failed', reason: 'stopped'});
      expect(existsSync(join(folder, 'lock'))).to.equal(false);
      expect(await resume(folder)).to.include({state: 'done', skipped: false});
      const {events} = readEvents(log);
      expect(events.filter(({type}) => type === 'run-start')).to.have.length(1);
      expect(events.filter(({type}) => type === 'run-resume')).to.have.length(1);
      expect(readRun(folder).status).to.deep.include({state: 'done'}).and.not.to.have.property('reason');
    });
  });

  it('is refused where it holds a run with another config, naming what differs', async () => {
    await stoppedHalfway(async (folder) => {
      const {message} = await refusalOf('E_EXISTS', () => resume(folder, tinyConfig({seed: 7})));
      expect(message).to.contain('holds a run with another config (it differs in seed, strategy)');
      expect(message).to.contain('Choose another --out, or delete the folder.');
    });
  });

  it('is refused where it was begun on another engine, whose bits differ', async () => {
    await stoppedHalfway(async (folder) => {
      const other = {...environment(), engine: {...environment().engine, kind: 'wasm'}};
      const {message} = await refusalOf('E_EXISTS', () =>
        recordRun(recorded, {...optionsFor(folder), environment: other}),
      );
      expect(message).to.contain('was begun on engine onnx with 1 threads, and this is wasm with 1.');
    });
  });

  it('says what to do where the folder cannot be made or written', async () => {
    await inFolder(async (top) => {
      writeFileSync(join(top, 'file'), '');
      const {message} = await refusalOf('E_FILE', () => resume(join(top, 'file/run')));
      expect(message).to.match(/cannot make the run folder at .*ENOTDIR.*choose another folder/s);
      mkdirSync(join(top, 'run/events.jsonl'), {recursive: true});
      expect((await refusalOf('E_FILE', () => resume(join(top, 'run')))).message).to.contain(
        'cannot open the event log',
      );
      chmodSync(top, 0o700);
    });
  });

  it('says what to do where the disk is full, and leaves nothing open', async () => {
    await inFolder(async (folder) => {
      symlinkSync('/dev/full', join(folder, 'events.jsonl'));
      const {message} = await refusalOf('E_FILE', () => resume(folder));
      expect(message).to.match(
        /cannot write the event log .*ENOSPC.*The disk is full: free some space, then go on with `accrete resume`/s,
      );
      expect(readdirSync(folder)).not.to.include('lock');
      const status = JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as {state: string; reason: string};
      expect(status.state).to.equal('failed');
      expect(status.reason).to.contain('ENOSPC');
    });
  });

  it('tells an observer every event that it logs, in order', async () => {
    await inFolder(async (folder) => {
      const told: RunEvent[] = [];
      await recordRun(recorded, {...optionsFor(folder), onEvent: (event) => told.push(event)});
      expect(told).to.deep.equal(readRun(folder).events);
    });
  });

  it('says which engine computes', () => {
    const {kind, threads}: Engine = engine();
    expect(environment().engine).to.include({kind, threads});
    expect(environment().node).to.equal(process.version);
  });
});
