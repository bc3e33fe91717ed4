import {type ChildProcess, fork} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {HarnessError, messageOf} from '@accrete/kit';
import type {ExecutionOptions, FromWorker, Job, JobObserver, JobResult, ToWorker} from './job.ts';

/** How many workers, and how runs are computed. */
export interface LocalOptions extends ExecutionOptions {
  /** Worker processes; each computes one run at a time. */
  readonly jobs: number;
  /** Stops the workers; runs under way can be resumed. */
  readonly signal?: AbortSignal;
}

const workerFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
);

/**
 * Computes jobs in a pool of worker processes. A failed run is reported and the rest go on; a worker that dies is replaced.
 *
 * @returns one result per job, in their order. The results of the runs themselves do not depend on `jobs`.
 */
export async function executeLocally(
  jobs: readonly Job[],
  options: LocalOptions,
  observer: JobObserver = {},
): Promise<readonly JobResult[]> {
  const results = new Array<JobResult>(jobs.length);
  const {jobs: width, signal, ...execution} = options;
  let next = 0;
  const lane = async (): Promise<void> => {
    let worker: Worker | null = null;
    try {
      while (next < jobs.length && !signal?.aborted) {
        const index = next++;
        const job = jobs[index]!;
        observer.onStart?.(job);
        if (worker && !worker.alive()) worker = null;
        let result: JobResult;
        try {
          worker ??= await startWorker(signal);
          result = await worker.run(job, execution, observer);
        } catch (error) {
          result = {status: 'failed', message: messageOf(error), ours: true};
        }
        results[index] = result;
        observer.onEnd?.(job, result);
      }
    } finally {
      worker?.stop();
    }
  };
  await Promise.all(Array.from({length: Math.min(width, jobs.length)}, lane));
  return jobs.map((_, i) => results[i] ?? {status: 'failed', message: 'stopped before it began', ours: false});
}

interface Worker {
  run(job: Job, options: ExecutionOptions, observer: JobObserver): Promise<JobResult>;
  alive(): boolean;
  stop(): void;
}

async function startWorker(signal: AbortSignal | undefined): Promise<Worker> {
  const child = fork(workerFile, [], {stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'json'});
  const stop = (): void => {
    if (child.connected) child.disconnect();
    else child.kill('SIGKILL');
  };
  signal?.addEventListener('abort', () => child.kill('SIGKILL'), {once: true});
  await ready(child);
  return {
    stop,
    // A dead worker may still count as connected for a moment.
    alive: () => child.connected && child.exitCode === null && child.signalCode === null,
    run: (job, options, observer) =>
      new Promise((resolve) => {
        const settle = (result: JobResult): void => {
          child.off('message', onMessage);
          child.off('exit', onExit);
          resolve(result);
        };
        const onMessage = (message: FromWorker): void => {
          if (message.type === 'event') observer.onEvent?.(job, message.event);
          else if (message.type === 'message') observer.onMessage?.(message.message);
          else if (message.type === 'end') settle(message.result);
        };
        const onExit = (code: number | null, killed: NodeJS.Signals | null): void => {
          const how = killed ? `was killed by ${killed}` : `ended with code ${code}`;
          settle({
            status: 'failed',
            message: `E_WORKER: its worker process ${how}. Run the same command again to resume it.`,
            ours: killed === null,
          });
        };
        child.on('message', onMessage);
        child.once('exit', onExit);
        child.send({type: 'run', job, options} satisfies ToWorker, (failure) => {
          if (failure) settle({status: 'failed', message: `E_WORKER: ${failure.message}.`, ours: true});
        });
      }),
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('error', (cause) =>
      reject(new HarnessError('E_WORKER', `a worker process did not start: ${cause.message}.`, {}, cause)),
    );
    child.once('exit', (code) =>
      reject(new HarnessError('E_WORKER', `a worker process ended with code ${code} before it was ready.`)),
    );
  });
}
