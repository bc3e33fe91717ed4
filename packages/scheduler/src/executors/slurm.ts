import {spawn} from 'node:child_process';
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {fileError, HarnessError, messageOf} from '@accrete/kit';
import {tailEvents} from './event-tail.ts';
import type {ExecutionOptions, Job, JobObserver, JobResult} from './job.ts';

/** Where and how a Slurm array runs. */
export interface SlurmOptions extends ExecutionOptions {
  /** Job list, results and logs; like the run folders on a file system that all nodes share. */
  readonly folder: string;
  /** More options of `sbatch`, such as `--partition=gpu` or `--time=02:00:00`. */
  readonly sbatch?: readonly string[];
  /** Runs computed at once; as many as the cluster gives where absent. */
  readonly jobs?: number;
  /** Between two looks at the queue [ms]. __Default value:__ 5,000. */
  readonly pollMs?: number;
  /** Cancels what is queued or running; runs under way can be resumed. */
  readonly signal?: AbortSignal;
}

/** What a task of the array reads: every job, and how they are computed. */
export interface SlurmTasks {
  readonly jobs: readonly Job[];
  readonly options: ExecutionOptions;
}

/** Looks in a row that find a task neither queued nor with a result before it counts as lost: file systems lag behind. */
const LOOKS = 3;

const taskFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './slurm-task.ts' : './slurm-task.js', import.meta.url),
);

/** Where a task of the array leaves its result. */
export function resultFile(folder: string, index: number): string {
  return join(folder, `result-${index}.json`);
}

/**
 * Computes jobs as one Slurm array: one task each, by `sbatch`. How far they are is read from their run folders, that they are
 * alive from `squeue`. A failed or lost run is reported and the rest go on.
 *
 * @returns one result per job, in their order; the same runs as `executeLocally`, to the bit, on the same engine.
 * @throws HarnessError E_WORKER where Slurm refuses the array or is not there; E_FILE where the folder cannot be written.
 */
export async function executeOnSlurm(
  jobs: readonly Job[],
  options: SlurmOptions,
  observer: JobObserver = {},
): Promise<readonly JobResult[]> {
  if (jobs.length === 0) return [];
  const folder = resolve(options.folder);
  const absolute = jobs.map((job) => ({...job, folder: resolve(job.folder)}));
  prepare(folder, absolute, options);
  const array = await submit(folder, jobs.length, options);
  observer.onMessage?.(`Slurm array ${array}: ${jobs.length} tasks, logs in ${folder}`);
  const followed = absolute.map(({folder}, index) => follow(jobs[index]!, folder, observer));
  const results = new Array<JobResult>(jobs.length);
  const missed = new Array<number>(jobs.length).fill(0);
  const end = (index: number, result: JobResult): void => {
    followed[index]!.look();
    if (result.status !== 'skipped') followed[index]!.start();
    results[index] = result;
    observer.onEnd?.(jobs[index]!, result);
  };
  while (results.filter(Boolean).length < jobs.length) {
    if (options.signal?.aborted) {
      await command('scancel', [array]);
      return jobs.map((_, i) => results[i] ?? {status: 'failed', message: 'stopped before it ended', ours: false});
    }
    const queued = await tasksInQueue(array);
    for (const index of jobs.keys()) {
      if (results[index]) continue;
      followed[index]!.look();
      const result = readResult(folder, index);
      if (result) end(index, result);
      else if (queued.has(index)) missed[index] = 0;
      else if (++missed[index]! >= LOOKS) end(index, lost(folder, array, index));
    }
    await wait(options.pollMs ?? 5000, undefined, {signal: options.signal}).catch(() => undefined);
  }
  return results;
}

function lost(folder: string, array: string, index: number): JobResult {
  const log = join(folder, `${array}_${index}.log`);
  const message = `E_WORKER: its Slurm task ended without a result, as one does that runs out of time or memory, or whose node fails; ${log} may say more. Run the same command again to resume it.`;
  return {status: 'failed', message, ours: false};
}

/** Tells an observer what a run writes into its folder. */
function follow(job: Job, folder: string, observer: JobObserver): {start(): void; look(): void} {
  const tail = tailEvents(folder);
  let started = false;
  const start = (): void => {
    if (!started) observer.onStart?.(job);
    started = true;
  };
  return {
    start,
    look: () => {
      for (const event of tail.next()) {
        start();
        observer.onEvent?.(job, event);
      }
    },
  };
}

function prepare(folder: string, jobs: readonly Job[], options: SlurmOptions): void {
  const {checkpointEveryMs, checkpointEverySteps, cacheFolder} = options;
  const execution = {
    ...(checkpointEveryMs === undefined ? {} : {checkpointEveryMs}),
    ...(checkpointEverySteps === undefined ? {} : {checkpointEverySteps}),
    ...(cacheFolder === undefined ? {} : {cacheFolder: resolve(cacheFolder)}),
  };
  try {
    mkdirSync(folder, {recursive: true});
    for (const index of jobs.keys()) rmSync(resultFile(folder, index), {force: true});
    writeFileSync(join(folder, 'jobs.json'), JSON.stringify({jobs, options: execution} satisfies SlurmTasks));
  } catch (cause) {
    throw fileError('write the job list', folder, cause);
  }
}

/** @returns the id of the array. */
async function submit(folder: string, tasks: number, {jobs, sbatch = []}: SlurmOptions): Promise<string> {
  const atOnce = jobs === undefined ? '' : `%${jobs}`;
  const words = [process.execPath, ...process.execArgv, taskFile, folder].map(quoted);
  const script = `#!/bin/sh\nexec ${words.join(' ')} "$SLURM_ARRAY_TASK_ID"\n`;
  const own = ['--parsable', '--job-name=accrete', `--array=0-${tasks - 1}${atOnce}`];
  const log = `--output=${join(folder, '%A_%a.log')}`;
  const {code, out, err} = await command('sbatch', [...own, log, ...sbatch], script);
  // With several clusters it is `id;cluster`.
  const id = out.trim().split(';')[0]!;
  if (code === 0 && /^\d+$/.test(id)) return id;
  throw new HarnessError(
    'E_WORKER',
    `sbatch did not take the array: ${(err || out).trim() || `it ended with code ${code}`}. Check the options given to it: ${sbatch.join(' ') || 'none'}.`,
    {code, sbatch},
  );
}

/** Indices of the tasks that wait or run. An array that Slurm has forgotten has none. */
async function tasksInQueue(array: string): Promise<ReadonlySet<number>> {
  const {out} = await command('squeue', ['--noheader', '--array', '--format=%K', `--jobs=${array}`]);
  return new Set(out.split(/\s+/).filter(Boolean).map(Number));
}

function readResult(folder: string, index: number): JobResult | null {
  try {
    return JSON.parse(readFileSync(resultFile(folder, index), 'utf8')) as JobResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return {status: 'failed', message: `E_WORKER: its result cannot be read: ${messageOf(error)}.`, ours: true};
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function command(name: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((done, reject) => {
    const child = spawn(name, args, {stdio: ['pipe', 'pipe', 'pipe']});
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', (cause) =>
      reject(
        new HarnessError(
          'E_WORKER',
          `${name} does not start (${cause.message}). Run this on a machine that submits to Slurm, or compute locally.`,
          {name},
          cause,
        ),
      ),
    );
    child.once('close', (code) => done({code, out, err}));
    child.stdin.on('error', () => {}); // A command that reads nothing may be gone before it is written to.
    child.stdin.end(input);
  });
}
