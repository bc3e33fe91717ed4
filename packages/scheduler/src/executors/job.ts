import type {RunEvent} from '@accrete/kit';
import type {RunConfig} from '../run/config.ts';

/** One run to be computed into a folder. */
export interface Job {
  readonly config: RunConfig;
  readonly folder: string;
}

/** How a job ended. */
export type JobResult =
  | {readonly status: 'done' | 'non-finite' | 'skipped'}
  /** `ours` is true where the failure is not the user's mistake. */
  | {readonly status: 'failed'; readonly message: string; readonly ours: boolean};

/** How runs are computed, whatever computes them. */
export interface ExecutionOptions {
  readonly checkpointEveryMs?: number;
  readonly checkpointEverySteps?: number;
  /** Folder that data sets are cached in; the user's cache where absent. */
  readonly cacheFolder?: string;
}

/** What is reported while jobs run. */
export interface JobObserver {
  onStart?(job: Job): void;
  onEvent?(job: Job, event: RunEvent): void;
  onEnd?(job: Job, result: JobResult): void;
  /** Remarks that belong to no event, such as where data is being fetched from. */
  onMessage?(message: string): void;
}

/** Parent to worker. */
export type ToWorker = {readonly type: 'run'; readonly job: Job; readonly options: ExecutionOptions};

/** Worker to parent. */
export type FromWorker =
  | {readonly type: 'ready'}
  | {readonly type: 'event'; readonly event: RunEvent}
  | {readonly type: 'message'; readonly message: string}
  | {readonly type: 'end'; readonly result: JobResult};
