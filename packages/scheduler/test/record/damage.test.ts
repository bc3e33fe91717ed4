import {readFileSync, writeFileSync} from 'node:fs';
import {readEvents, readRun} from '@accrete/kit';
import {expect} from 'chai';
import {refusalOf} from '../support/refusal.ts';
import {useRecordings} from '../support/stopped-run.ts';

describe('a damaged run folder', () => {
  const {stoppedHalfway, resume} = useRecordings();

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
