import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {executeOnSlurm, type Job, type JobResult, type SlurmOptions} from '../../src/index.ts';
import {withCommands} from '../support/commands.ts';
import {tinyConfig} from '../support/tiny-run.ts';

/** One look at the queue: the tasks that are in it, result files that are there from then on, and what the first run's log gains. */
interface Look {
  readonly queued?: readonly number[];
  readonly results?: Readonly<Record<number, string>>;
  readonly logged?: string;
}

/** Commands that compute nothing: what the queue holds at each look, and which results come, is written down beforehand. */
const commands: Readonly<Record<string, string>> = {
  sbatch: `
fs.writeFileSync(path.join(state, 'script.sh'), fs.readFileSync(0, 'utf8'));
console.log('77');`,
  squeue: `
const {folder, run, looks} = JSON.parse(fs.readFileSync(path.join(state, 'looks.json'), 'utf8'));
const {queued = [], results = {}, logged = ''} = looks.shift() ?? {};
fs.writeFileSync(path.join(state, 'looks.json'), JSON.stringify({folder, run, looks}));
fs.writeFileSync(path.join(state, 'squeue.json'), JSON.stringify(process.argv.slice(2)));
for (const [task, text] of Object.entries(results)) fs.writeFileSync(path.join(folder, 'result-' + task + '.json'), text);
fs.appendFileSync(path.join(run, 'events.jsonl'), logged);
console.log(queued.join('\\n'));`,
  scancel: "fs.writeFileSync(path.join(state, 'cancelled'), process.argv.slice(2).join(' '));",
};

/** A line of a run's log, known by its program. */
const line = (program: string): string =>
  `${JSON.stringify({type: 'compile', seq: 0, time: '2026-01-01T00:00:00.000Z', task: 0, program, durationMs: 1, cached: false})}\n`;
const done = JSON.stringify({status: 'done'});

interface Told {
  readonly results: readonly JobResult[];
  /** Calls of the observer, such as `start 0`. */
  readonly log: readonly string[];
  readonly top: string;
  readonly state: string;
}

/** What becomes of some jobs, given what each look at the queue finds. */
async function following<T>(
  looks: readonly Look[],
  jobs: number,
  changed: Partial<SlurmOptions>,
  read: (told: Told) => T,
): Promise<T> {
  return await withCommands(commands, async (top, state) => {
    const [folder, run] = [join(top, 'array'), join(top, 'run 0')];
    for (const made of [folder, run]) mkdirSync(made);
    writeFileSync(join(state, 'looks.json'), JSON.stringify({folder, run, looks}));
    writeFileSync(join(folder, 'result-0.json'), JSON.stringify({status: 'non-finite'})); // Of an earlier array.
    writeFileSync(join(run, 'events.jsonl'), line('earlier')); // Of an earlier attempt.
    const here = (path: string): string => relative('.', join(top, path));
    const all = Array.from({length: jobs}, (_, i): Job => ({config: tinyConfig(), folder: here(`run ${i}`)}));
    const log: string[] = [];
    const results = await executeOnSlurm(
      all,
      {folder: here('array'), pollMs: 1, ...changed},
      {
        onStart: (job) => log.push(`start ${all.indexOf(job)}`),
        onEvent: (job, event) =>
          log.push(`${event.type === 'compile' ? event.program : event.type} ${all.indexOf(job)}`),
        onEnd: (job, {status}) => log.push(`end ${all.indexOf(job)} ${status}`),
      },
    );
    return read({results, log, top, state});
  });
}
const statuses = ({results}: Told) => results.map(({status}) => status);

describe('executeOnSlurm: the queue', function () {
  this.timeout(60_000);

  it('gives a result that is seen late three looks, counted anew whenever the task is in the queue again', async () => {
    const late = {results: {0: done}};
    expect(await following([{}, {}, late], 1, {}, statuses)).to.deep.equal(['done']);
    expect(await following([{}, {}, {}, late], 1, {}, statuses)).to.deep.equal(['failed']);
    expect(await following([{}, {}, {queued: [0]}, {}, {}, late], 1, {}, statuses)).to.deep.equal(['done']);
  });

  it('tells the tasks of an array apart', async () => {
    const looks: Look[] = [{queued: [0]}, {queued: [0]}, {queued: [0]}, {results: {0: done}}];
    expect(await following(looks, 2, {}, statuses)).to.deep.equal(['done', 'failed']);
  });

  it('asks for one line per task, by its index, of its own array', async () => {
    const asked = await following([{results: {0: done}}], 1, {}, ({state}) =>
      JSON.parse(readFileSync(join(state, 'squeue.json'), 'utf8')),
    );
    expect(asked).to.have.members(['--noheader', '--array', '--format=%K', '--jobs=77']);
  });

  it('tells of a start that it did not see, of none where there was nothing to do, and of each end once', async () => {
    const looks = [{results: {0: done, 1: JSON.stringify({status: 'skipped'})}}];
    const log = await following(looks, 2, {}, (told) => told.log);
    expect(log).to.deep.equal(['start 0', 'end 0 done', 'end 1 skipped']);
  });

  it('tells what a run writes from now on, each whole line once', async () => {
    const second = line('second');
    const looks: Look[] = [
      {queued: [0], logged: line('first') + second.slice(0, 20)},
      {queued: [0]},
      {queued: [0], logged: second.slice(20)},
      {logged: 'no event\n'},
      {results: {0: done}, logged: line('third')},
    ];
    const log = await following(looks, 1, {}, (told) => told.log);
    expect(log).to.deep.equal(['start 0', 'first 0', 'second 0', 'third 0', 'end 0 done']);
  });

  it('says so where a result cannot be read, which is no mistake of the user', async () => {
    const [result] = await following([{results: {0: '{"status"'}}], 1, {}, ({results}) => results);
    expect(result).to.include({status: 'failed', ours: true});
    expect(result)
      .to.have.property('message')
      .that.matches(/^E_WORKER: its result cannot be read: /);
  });

  it('stops at once where it was stopped before, and keeps what had ended', async () => {
    const stop = new AbortController();
    stop.abort();
    const {results, cancelled} = await following([], 2, {signal: stop.signal}, ({results, state}) => ({
      results,
      cancelled: readFileSync(join(state, 'cancelled'), 'utf8'),
    }));
    expect(results).to.deep.equal(
      [0, 1].map(() => ({status: 'failed', message: 'stopped before it ended', ours: false})),
    );
    expect(cancelled).to.equal('77');
  });

  it('leaves jobs and options for the nodes with paths that hold anywhere', async () => {
    const options = {checkpointEveryMs: 5000, checkpointEverySteps: 3, cacheFolder: relative('.', '/tmp/cache')};
    const {tasks, top} = await following([{results: {0: done}}], 1, options, ({top}) => ({
      tasks: JSON.parse(readFileSync(join(top, 'array', 'jobs.json'), 'utf8')),
      top,
    }));
    expect(tasks.options).to.deep.equal({
      checkpointEveryMs: 5000,
      checkpointEverySteps: 3,
      cacheFolder: resolve('/tmp/cache'),
    });
    expect(tasks.jobs.map(({folder}: Job) => folder)).to.deep.equal([join(top, 'run 0')]);
  });

  it('ends a task whose run fails with a code that Slurm counts as failed, its reason in the log and the result', () =>
    withCommands({}, async (top) => {
      const folder = join(top, 'array');
      mkdirSync(folder);
      const config = tinyConfig();
      const unknown = {...config, stream: {...config.stream, dataset: {kind: 'nowhere'}}};
      const jobs = [{config: unknown, folder: join(top, 'run')}];
      writeFileSync(join(folder, 'jobs.json'), JSON.stringify({jobs, options: {}}));
      const task = fileURLToPath(new URL('../../src/executors/slurm-task.ts', import.meta.url));
      const {status, stderr} = spawnSync(process.execPath, [...process.execArgv, task, folder, '0'], {
        encoding: 'utf8',
      });
      const result = JSON.parse(readFileSync(join(folder, 'result-0.json'), 'utf8'));
      expect(result).to.include({status: 'failed'});
      expect(status).to.equal(1);
      expect(stderr).to.contain(result.message);
    }));
});
