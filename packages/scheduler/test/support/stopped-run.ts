import {join} from 'node:path';
import type {Engine} from '@accrete/engine';
import type {Environment, RunEvent} from '@accrete/kit';
import {expect} from 'chai';
import {describeEnvironment, type RecordOptions, type RunConfig, recordRun} from '../../src/index.ts';
import {inFolder} from './folder.ts';
import {dataset, smallOptions, tinyConfig, useEngine} from './tiny-run.ts';

/** The run that is recorded: replay, so that there is state besides the parameters. */
export const recorded: RunConfig = tinyConfig({strategy: [smallOptions.replay]});

/** Runs of the tests of one suite, recorded into folders with a checkpoint every three steps. */
export interface Recordings {
  readonly engine: () => Engine;
  readonly environment: () => Environment;
  readonly optionsFor: (folder: string) => RecordOptions;
  /** A folder of a run that was stopped in the middle of its second task, for as long as `act` takes. */
  readonly stoppedHalfway: <T>(act: (folder: string, log: string, checkpoint: string) => Promise<T>) => Promise<T>;
  readonly resume: (folder: string, given?: RunConfig) => ReturnType<typeof recordRun>;
}

/** Recordings on an engine of their own; called in a `describe`. */
export function useRecordings(): Recordings {
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
  const stopHalfway = (event: RunEvent): void => {
    if (event.type === 'checkpoint' && event.task === 1 && event.step > 0) throw new Error('stopped');
  };
  return {
    engine,
    environment: () => environment,
    optionsFor,
    stoppedHalfway: (act) =>
      inFolder(async (folder) => {
        const run = recordRun(recorded, {...optionsFor(folder), onEvent: stopHalfway});
        expect(await run.catch((error: unknown) => error))
          .to.be.an('error')
          .with.property('message', 'stopped');
        return await act(folder, join(folder, 'events.jsonl'), join(folder, 'checkpoint/checkpoint.safetensors'));
      }),
    resume: (folder, given = recorded) => recordRun(given, optionsFor(folder)),
  };
}
