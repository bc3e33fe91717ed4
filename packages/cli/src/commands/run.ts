import {availableParallelism} from 'node:os';
import {join, resolve} from 'node:path';
import {HarnessError} from '@accrete/kit';
import {
  defineExperiment,
  executeLocally,
  executeOnSlurm,
  type Job,
  type JobResult,
  runName,
  strategies,
  streams,
} from '@accrete/scheduler';
import {showProgress} from '../terminal/progress.ts';
import type {FillCommand} from './command.ts';
import {readConfigFile} from './config-file.ts';
import {collectSettings, parseCount, parseSeeds} from './options.ts';

interface RunFlags {
  readonly seeds?: readonly number[];
  readonly jobs?: number;
  readonly engine?: string;
  readonly sbatch?: true | readonly string[];
  readonly set: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly report: string | boolean;
}

/** How often a run leaves a checkpoint in the middle of a task. */
const CHECKPOINT_EVERY_MS = 30_000;

/** `accrete run <config>`: every run of an experiment, then a report. */
export const runCommand: FillCommand = (command, exit) =>
  command
    .argument('<config>', 'experiment as YAML or JSON; `accrete schema` prints what it may hold')
    .option('--seeds <list>', "seeds instead of the config's, such as 0,1,2 or 0..4", parseSeeds)
    .option(
      '--jobs <n>',
      'runs computed at once (default: one per core; in Slurm as it sees fit)',
      parseCount('--jobs'),
    )
    .option(
      '--sbatch [options...]',
      'compute the runs as a Slurm array, with these options of sbatch, such as partition=gpu time=02:00:00',
    )
    .option('--engine <kind>', "engine instead of the config's: auto, onnx, tensorflow, wasm or cpu")
    .option(
      '--set <path=value>',
      'change the config of every run, such as train.epochs=3; repeatable',
      collectSettings,
      {},
    )
    .option('--out <folder>', 'folder of the run folders', 'runs')
    .option('--report <file>', 'where the report goes (default: reports/<name>.html)')
    .option('--no-report', 'write no report')
    .addHelpText('after', `\nStreams: ${streams.kinds.join(', ')}\nStrategies: ${strategies.kinds.join(', ')}\n`)
    .action(async (file: string, flags: RunFlags) => {
      const input = readConfigFile(file);
      const seeded = flags.seeds && isRecord(input) ? {...input, seeds: flags.seeds} : input;
      const overrides = {...flags.set, ...(flags.engine === undefined ? {} : {'engine.kind': flags.engine})};
      const experiment = defineExperiment(seeded, overrides);
      const folder = join(flags.out, experiment.name);
      const jobs = experiment.runs.map((config): Job => ({config, folder: join(folder, runName(config))}));
      const slurm = slurmOptions(flags.sbatch);
      const width = flags.jobs ?? (slurm ? jobs.length : availableParallelism());
      const progress = showProgress(experiment.name, jobs, Math.min(width, jobs.length));
      const stop = new AbortController();
      const interrupted = (): void => stop.abort();
      process.once('SIGINT', interrupted);
      let results: readonly JobResult[];
      try {
        const options = {jobs: width, checkpointEveryMs: CHECKPOINT_EVERY_MS, signal: stop.signal};
        results = slurm
          ? await executeOnSlurm(jobs, {...options, sbatch: slurm, folder: join(folder, '.slurm')}, progress.observer)
          : await executeLocally(jobs, options, progress.observer);
      } finally {
        process.removeListener('SIGINT', interrupted);
        progress.close();
      }
      if (stop.signal.aborted) throw new HarnessError('E_WORKER', 'interrupted. Run the same command again to go on.');
      if (flags.report !== false) {
        const target = typeof flags.report === 'string' ? flags.report : join('reports', `${experiment.name}.html`);
        const title = experiment.description ?? experiment.name;
        const folders = jobs.map((job) => job.folder);
        // Loaded only now: charts and tables take longer to load than a small run to begin.
        const {readReport, writeReport} = await import('./report.ts');
        writeReport(readReport(folders, title), resolve(target));
      }
      exit(exitCode(jobs, results));
    });

/** `partition=gpu` as sbatch takes it; null where Slurm is not asked for. @throws HarnessError E_CONFIG */
function slurmOptions(given: true | readonly string[] | undefined): readonly string[] | null {
  if (given === undefined) return null;
  return (given === true ? [] : given).map((word) => {
    if (/^[a-z][a-z-]*(=.+)?$/.test(word)) return `--${word}`;
    throw new HarnessError('E_CONFIG', `--sbatch takes options such as partition=gpu, without dashes; got "${word}".`);
  });
}

function exitCode(jobs: readonly Job[], results: readonly JobResult[]): 0 | 1 | 2 {
  const failed = results.flatMap((result, i) => (result.status === 'failed' ? [{...result, job: jobs[i]!}] : []));
  for (const {job, message} of failed) {
    const {label, scenario, seed} = job.config;
    process.stderr.write(`failed: ${label}, ${scenario}, seed ${seed}: ${message}\n`);
  }
  if (failed.length === 0) return 0;
  process.stderr.write(`${failed.length} of ${jobs.length} runs failed; the same command tries them again.\n`);
  return failed.some(({ours}) => ours) ? 1 : 2;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
