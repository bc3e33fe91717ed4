import {HarnessError} from '@accrete/kit';
import {executeLocally, readRunConfig} from '@accrete/scheduler';
import {showProgress} from '../terminal/progress.ts';
import type {FillCommand} from './command.ts';

/** `accrete resume <run>`: goes on with an interrupted run. */
export const resumeCommand: FillCommand = (command) =>
  command.argument('<run>', 'a run folder').action(async (folder: string) => {
    const config = readRunConfig(folder);
    const jobs = [{config, folder}];
    const progress = showProgress(config.experiment, jobs, 1);
    try {
      const [result] = await executeLocally(jobs, {jobs: 1, checkpointEveryMs: 30_000}, progress.observer);
      if (result?.status === 'failed')
        throw result.ours ? new Error(result.message) : new HarnessError('E_WORKER', result.message);
      process.stdout.write(
        result?.status === 'skipped' ? `${folder} is finished already.\n` : `${folder} is finished.\n`,
      );
    } finally {
      progress.close();
    }
  });
