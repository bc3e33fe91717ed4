import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {executeLocally, executeOnSlurm, type Job, type JobObserver, type SlurmOptions} from '../../src/index.ts';
import {withCommands} from '../support/commands.ts';
import {inFolder} from '../support/folder.ts';
import {refusalOf} from '../support/refusal.ts';
import {smallOptions, tinyConfig} from '../support/tiny-run.ts';

/** Commands with the manners of Slurm's, which run the tasks of an array at once, as processes of this machine. */
const commands: Readonly<Record<string, string>> = {
  sbatch: `
const {spawn} = require('node:child_process');
const args = process.argv.slice(2);
if (args.includes('--partition=none')) {
  console.error('sbatch: error: invalid partition specified: none');
  process.exit(1);
}
const last = Number(/^--array=0-(\\d+)(%\\d+)?$/.exec(args.find((word) => word.startsWith('--array=')))[1]);
const output = args.find((word) => word.startsWith('--output=')).slice('--output='.length);
const script = fs.readFileSync(0, 'utf8');
if (!script.startsWith('#!')) throw new Error('sbatch: error: This does not look like a batch script.');
fs.writeFileSync(path.join(state, 'args.json'), JSON.stringify(args));
const pids = [];
for (let task = 0; task <= last; task++) {
  const lost = args.includes('--comment=lose-' + task);
  const log = fs.openSync(output.replace('%A', '77').replace('%a', String(task)), 'w');
  const env = {...process.env, SLURM_ARRAY_TASK_ID: String(task)};
  pids.push(spawn('/bin/sh', ['-c', lost ? 'exit 9' : script], {env, detached: true, stdio: ['ignore', log, log]}).pid);
}
fs.writeFileSync(path.join(state, 'pids.json'), JSON.stringify(pids));
console.log('77;cluster');
process.exit(0);`,
  squeue: `
const pids = JSON.parse(fs.readFileSync(path.join(state, 'pids.json'), 'utf8'));
pids.forEach((pid, task) => {
  const stat = fs.existsSync('/proc/' + pid + '/stat') ? fs.readFileSync('/proc/' + pid + '/stat', 'utf8') : ' Z ';
  if (!/\\) Z /.test(stat) && stat !== ' Z ') console.log(task);
});`,
  scancel: `
fs.writeFileSync(path.join(state, 'cancelled'), process.argv[2]);
for (const pid of JSON.parse(fs.readFileSync(path.join(state, 'pids.json'), 'utf8'))) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {}
}`,
};

/** With those commands. @param act gets the folder of what they write down. */
const withSlurm = <T>(act: (top: string, state: string) => Promise<T>): Promise<T> => withCommands(commands, act);

const dataset = {kind: 'procedural', classes: 6, trainPerClass: 20, testPerClass: 5, size: 8};
const stream = {kind: 'split-classes', dataset, tasks: 3};
const jobsIn = (folder: string): Job[] => [
  {config: tinyConfig({stream}), folder: join(folder, "it's one")},
  {config: tinyConfig({stream, strategy: [smallOptions.replay]}), folder: join(folder, 'two')},
];
const outcomesOf = ({folder}: Job) =>
  readdirSync(join(folder, 'outcomes')).map((name) => readFileSync(join(folder, 'outcomes', name)).toString('base64'));

describe('executeOnSlurm', function () {
  this.timeout(120_000);
  const optionsFor = (top: string): SlurmOptions => ({
    folder: join(top, "slurm's"),
    pollMs: 50,
    checkpointEverySteps: 2,
  });

  it('computes what the local executor computes, in one array, and tells what the runs write', () =>
    withSlurm(async (top, state) => {
      const jobs = jobsIn(join(top, 'array'));
      const log: string[] = [];
      const observer: JobObserver = {
        onStart: (job) => log.push(`start ${jobs.indexOf(job)}`),
        onEvent: (job, {type}) => type === 'task-end' && log.push(`task ${jobs.indexOf(job)}`),
        onEnd: (job, {status}) => log.push(`end ${jobs.indexOf(job)} ${status}`),
      };
      const results = await executeOnSlurm(jobs, {...optionsFor(top), jobs: 5, sbatch: ['--time=10']}, observer);
      expect(results).to.deep.equal([{status: 'done'}, {status: 'done'}]);
      for (const i of [0, 1]) {
        const told = [`start ${i}`, `task ${i}`, `task ${i}`, `task ${i}`, `end ${i} done`];
        expect(log.filter((line) => line.includes(` ${i}`))).to.deep.equal(told);
      }
      const args = JSON.parse(readFileSync(join(state, 'args.json'), 'utf8')) as string[];
      expect(args).to.include.members(['--array=0-1%5', '--time=10', '--parsable']);
      const local = jobsIn(join(top, 'local'));
      await executeLocally(local, {jobs: 1});
      expect(jobs.map(outcomesOf)).to.deep.equal(local.map(outcomesOf));
      const again = await executeOnSlurm(jobs, optionsFor(top));
      expect(again).to.deep.equal([{status: 'skipped'}, {status: 'skipped'}]);
    }));

  it('reports a task that is lost, and goes on with the rest', () =>
    withSlurm(async (top) => {
      const jobs = jobsIn(join(top, 'runs'));
      const [first, second] = await executeOnSlurm(jobs, {...optionsFor(top), sbatch: ['--comment=lose-0']});
      expect(first).to.include({status: 'failed', ours: false});
      expect(first).to.have.property('message').that.contains('77_0.log may say more. Run the same command again');
      expect(second).to.deep.equal({status: 'done'});
    }));

  it('cancels the array when it is stopped; the runs can be resumed', () =>
    withSlurm(async (top, state) => {
      const jobs = jobsIn(join(top, 'runs'));
      const stop = new AbortController();
      const observer: JobObserver = {onEvent: (_, {type}) => type === 'task-end' && stop.abort()};
      const results = await executeOnSlurm(jobs, {...optionsFor(top), signal: stop.signal}, observer);
      expect(results.map(({status}) => status)).to.include('failed');
      expect(readFileSync(join(state, 'cancelled'), 'utf8')).to.equal('77');
      const resumed = await executeOnSlurm(jobs, optionsFor(top));
      expect(resumed.every(({status}) => status === 'done' || status === 'skipped')).to.equal(true);
    }));

  it('says why Slurm refuses an array, and what to do where there is no Slurm', async () => {
    await withSlurm(async (top) => {
      const options = {...optionsFor(top), sbatch: ['--partition=none']};
      const {message} = await refusalOf('E_WORKER', () => executeOnSlurm(jobsIn(top), options));
      expect(message).to.equal(
        'E_WORKER: sbatch did not take the array: sbatch: error: invalid partition specified: none. Check the options given to it: --partition=none.',
      );
    });
    await inFolder(async (top) => {
      const {message} = await refusalOf('E_WORKER', () => executeOnSlurm(jobsIn(top), optionsFor(top)));
      expect(message).to.match(/sbatch does not start .*ENOENT.* Run this on a machine that submits to Slurm/);
    });
  });
});
