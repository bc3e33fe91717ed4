import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {type Environment, type RunEvent, readEvents, readRun} from '@accrete/kit';
import {expect} from 'chai';
import {describeEnvironment, type RecordOptions, type RunConfig, recordRun} from '../../src/index.ts';
import {inFolder} from '../support/folder.ts';
import {refusalOf} from '../support/refusal.ts';
import {dataset, smallOptions, tinyConfig, useEngine} from '../support/tiny-run.ts';

const config: RunConfig = tinyConfig({strategy: [smallOptions.replay]});

describe('a damaged run folder', () => {
  const engine = useEngine();
  let environment: Environment;
  before(() => {
    environment = describeEnvironment(engine());
  });
  const optionsFor = (folder: string): RecordOptions => ({
    folder,
    engine: engine(),
    dataset,
    environment,
    checkpointEverySteps: 3,
  });

  /** A run in a folder, stopped by an error at an event. */
  async function stopped(folder: string, at: (event: RunEvent) => boolean, of = config): Promise<void> {
    const onEvent = (event: RunEvent): void => {
      if (at(event)) throw new Error('stopped');
    };
    const thrown = await recordRun(of, {...optionsFor(folder), onEvent}).catch((error: unknown) => error);
    expect(thrown).to.be.an('error').with.property('message', 'stopped');
  }

  const inMiddle = (event: RunEvent): boolean => event.type === 'checkpoint' && event.task === 1 && event.step > 0;

  async function stoppedHalfway<T>(act: (folder: string, log: string, checkpoint: string) => Promise<T>): Promise<T> {
    return await inFolder(async (folder) => {
      await stopped(folder, inMiddle);
      return await act(folder, join(folder, 'events.jsonl'), join(folder, 'checkpoint/checkpoint.safetensors'));
    });
  }

  const resume = (folder: string, given: RunConfig = config) => recordRun(given, optionsFor(folder));

  it('a torn last line of the log is repaired on resume', async () => {
    await stoppedHalfway(async (folder, log) => {
      writeFileSync(log, '{"type":"progress","task":1,"ph', {flag: 'a'});
      expect(readEvents(log).torn).to.equal(true);
      await resume(folder);
      expect(readEvents(log).torn).to.equal(false);
      expect(readRun(folder).status.state).to.equal('done');
    });
  });

  const damages: [string, (log: Buffer) => Buffer | string, RegExp][] = [
    [
      'a line in the middle that is no JSON',
      (log) => log.toString().replace('"type":"task-start"', '"type:"task-start"'),
      /events.jsonl, line \d+ is not JSON/,
    ],
    [
      'a line in the middle that is missing',
      (log) => log.toString().split('\n').toSpliced(3, 1).join('\n'),
      /line 4: expected seq 3, got 4. Lines are missing or doubled/,
    ],
    [
      'a line with a key that is not its own',
      (log) => log.toString().replace('"type":"run-start"', '"type":"run-start","x":1'),
      /line 1 is not what this version of Accrete writes/,
    ],
    [
      'its end missing, behind the checkpoint',
      (log) => `${log.toString().split('\n').slice(0, 4).join('\n')}\n`,
      /does not fit its checkpoint: expected \d+ events in \d+ bytes, got 4 events/,
    ],
    ['all of it missing', () => '', /does not fit its checkpoint: .*got 0 events/],
  ];
  for (const [name, damage, said] of damages) {
    it(`is refused where the log has ${name}, and left as it is`, async () => {
      await stoppedHalfway(async (folder, log) => {
        const damaged = damage(readFileSync(log));
        writeFileSync(log, damaged);
        const {message} = await refusalOf('E_RECORD', () => resume(folder));
        expect(message)
          .to.match(said)
          .and.to.match(/delete the run folder and run again|what this version/i);
        expect(readFileSync(log).toString()).to.equal(damaged.toString());
      });
    });
  }

  it('is refused where any byte of the checkpoint is another, or its end is missing', async () => {
    await stoppedHalfway(async (folder, _, checkpoint) => {
      const whole = readFileSync(checkpoint);
      for (const at of [0, 9, 40, 500, Math.floor(whole.length / 2), whole.length - 1]) {
        const flipped = Buffer.from(whole);
        flipped[at]! ^= 0x10;
        writeFileSync(checkpoint, flipped);
        const {message} = await refusalOf('E_RECORD', () => resume(folder));
        expect(message, `byte ${at}`).to.match(
          /checkpoint.safetensors is damaged: .*Delete the run folder and run again/s,
        );
      }
      for (const length of [0, 7, 100, whole.length - 1]) {
        writeFileSync(checkpoint, whole.subarray(0, length));
        await refusalOf('E_RECORD', () => resume(folder));
      }
      writeFileSync(checkpoint, whole);
      expect(await resume(folder)).to.include({state: 'done'});
    });
  });
});
