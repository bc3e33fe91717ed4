import {type Dataset, datasets} from '@accrete/data';
import {createEngine, type Engine} from '@accrete/engine';
import {canonicalJson, isHarnessError, messageOf, type RunEvent} from '@accrete/kit';
import {describeEnvironment} from '../record/environment.ts';
import {recordRun} from '../record/record-run.ts';
import {streams} from '../streams/registry.ts';
import type {ExecutionOptions, Job, JobResult} from './job.ts';

/** Computes jobs one after another, keeping engines and data sets from one to the next. Owns engines: dispose it. */
export interface Bench {
  run(job: Job, options: ExecutionOptions, onEvent: (event: RunEvent) => void): Promise<JobResult>;
  dispose(): Promise<void>;
}

/** @param report remarks such as where data is being fetched from. */
export function createBench(report: (message: string) => void): Bench {
  const engines = new Map<string, Promise<Engine>>();
  const loaded = new Map<string, Promise<Dataset>>();
  const keep = <T>(store: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const held = store.get(key) ?? make();
    store.set(key, held);
    held.catch(() => store.delete(key)); // A failure is not kept: the next job may have better luck.
    return held;
  };
  return {
    run: async ({config, folder}, options, onEvent) => {
      try {
        const source = streams.parse(config.stream).dataset;
        const cacheFolder = options.cacheFolder === undefined ? {} : {cacheFolder: options.cacheFolder};
        const dataset = await keep(loaded, canonicalJson(source), () =>
          datasets.parse(source).load({report, ...cacheFolder}),
        );
        const engine = await keep(engines, canonicalJson(config.engine), () => createEngine(config.engine));
        const environment = describeEnvironment(engine);
        const {state, skipped} = await recordRun(config, {...options, folder, engine, dataset, environment, onEvent});
        return {status: skipped ? 'skipped' : state};
      } catch (error) {
        const ours = !isHarnessError(error);
        return {
          status: 'failed',
          message: ours && error instanceof Error ? (error.stack ?? error.message) : messageOf(error),
          ours,
        };
      }
    },
    dispose: async () => {
      for (const engine of engines.values()) await (await engine).dispose();
    },
  };
}
