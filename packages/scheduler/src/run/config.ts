import {architectures, optimizers} from '@accrete/core';
import {datasets} from '@accrete/data';
import {canonicalJson, HarnessError, RECORD_VERSION, sha256} from '@accrete/kit';
import * as z from 'zod';
import {taskInferences} from '../inference/registry.ts';
import {strategies} from '../strategies/registry.ts';
import {streams} from '../streams/registry.ts';
import {scenarios, withholdsTask} from '../streams/stream.ts';
import {pinned, startSchema} from './start.ts';

/** How a network is trained on each task. */
export const trainSchema = z.strictObject({
  epochs: z.int().min(0).default(1).describe('passes over the examples of a task'),
  batchSize: z.int().min(1).default(128).describe('examples of a task in a batch'),
  optimizer: optimizers.schema.prefault({kind: 'sgd', learningRate: 0.1}).describe('the optimiser'),
  atBoundary: z
    .enum(['reset', 'keep'])
    .default('reset')
    .describe("what becomes of the optimiser's state when a new task begins"),
});

/** When and how a network is evaluated. */
export const evaluateSchema = z.strictObject({
  batchSize: z.int().min(1).default(500).describe('examples in an evaluation batch; no effect on results'),
  beforeTraining: z
    .boolean()
    .default(true)
    .describe('also evaluate the untrained network, which forward transfer needs'),
  validation: z
    .enum(['after-each-task', 'never'])
    .default('after-each-task')
    .describe("evaluate the task's validation split after its training; test results never choose anything"),
  // Absent rather than 0, so that the option changes no hash of runs without it.
  learningCurve: z
    .int()
    .min(1)
    .optional()
    .describe(
      "also evaluate a task's own test examples before each of its first batches and after the last of so many: LCA needs it",
    ),
});

/** Which engine computes. Part of the run's identity: engines agree to rounding, not to the bit. */
export const engineSchema = z.strictObject({
  kind: z
    .enum(['auto', 'onnx', 'tensorflow', 'wasm', 'cpu'])
    .default('auto')
    .describe('the engine; auto takes the best one found'),
  threads: z.int().min(1).default(1).describe('threads of one run; runs share the cores by --jobs'),
});

/** How heads are chosen where the config says `auto`: by scenario, and by whether predictions are task-specific. */
const headSchema = z
  .enum(['auto', 'single', 'per-task', 'growing'])
  .default('auto')
  .describe(
    'auto: per-task where tasks have paths of their own or their id is given, growing for class-incremental, single for domain-incremental',
  );

/** The parts that an experiment and a run share. */
export const sharedShape = {
  stream: streams.schema.describe('the task stream'),
  network: architectures.schema.prefault({kind: 'mlp'}).describe('the network'),
  // Absent rather than null, so that the option changes no hash of runs without it.
  start: startSchema.optional().describe('what the network starts from; fresh numbers where absent'),
  head: headSchema,
  taskInference: taskInferences.schema
    .nullable()
    .default(null)
    .describe('how the task is inferred where the scenario withholds it and the strategy needs it'),
  train: trainSchema.prefault({}),
  evaluate: evaluateSchema.prefault({}),
  engine: engineSchema.prefault({}),
};

/** Strict schema of one run: `config.json`. */
export const runConfigSchema = z.strictObject({
  version: z.literal(RECORD_VERSION).default(RECORD_VERSION),
  experiment: z.string().min(1).max(100).describe('name of the experiment'),
  label: z.string().min(1).max(100).describe('name of this variant'),
  scenario: z.enum(scenarios).describe('what the learner is told at test time'),
  seed: z.int().min(0).describe('the root of all randomness'),
  strategy: z.array(strategies.schema).describe('strategies in order; none is plain fine-tuning'),
  ...sharedShape,
});

/** One run, validated, defaults filled in. */
export type RunConfig = Readonly<z.output<typeof runConfigSchema>>;

/** What a user may write for one run. */
export type RunConfigInput = z.input<typeof runConfigSchema>;

/** What follows from a run's config: its head, and whether tasks have to be inferred. */
export interface Resolution {
  readonly head: 'single' | 'per-task' | 'growing';
  readonly taskSpecific: boolean;
  readonly infersTask: boolean;
}

/**
 * Validates a run whole: every option, and that the parts make sense together.
 *
 * @throws HarnessError E_CONFIG, E_UNKNOWN; E_COMBINATION where valid parts cannot work together, with the remedy; E_FILE where what it
 *   starts from cannot be read.
 */
export function parseRunConfig(input: unknown): RunConfig {
  const config = parsed(runConfigSchema, input, 'run config');
  const {infersTask} = resolve(config);
  const source = streams.parse(config.stream);
  const info = datasets.parse(source.dataset).info();
  source.check({name: info.kind, classes: info.classes.length}, config.scenario);
  return {
    ...config,
    // An inference that nothing asks for is no part of the run.
    taskInference: infersTask ? config.taskInference : null,
    ...(config.start ? {start: pinned(config.start)} : {}),
  };
}

/** @throws HarnessError E_COMBINATION */
export function resolve(config: Pick<RunConfig, 'scenario' | 'strategy' | 'head' | 'taskInference'>): Resolution {
  const {scenario} = config;
  const made = config.strategy.map((part) => strategies.parse(part));
  const own = config.strategy.filter((_, i) => made[i]!.taskSpecific).map(({kind}) => kind);
  const withheld = withholdsTask(scenario);
  const preferred = !withheld || own.length > 0 ? 'per-task' : scenario === 'class-incremental' ? 'growing' : 'single';
  const head = config.head === 'auto' ? preferred : config.head;
  const taskSpecific = own.length > 0 || head === 'per-task';
  const mixing = config.strategy.filter((_, i) => made[i]!.mixesTasks).map(({kind}) => kind);
  if (own.length > 0 && mixing.length > 0) {
    throw new HarnessError(
      'E_COMBINATION',
      `${own.join(', ')} gives every task a path of its own, but ${mixing.join(', ')} mixes tasks in a batch, which runs along one path. Use one or the other.`,
    );
  }
  const looking = config.strategy.filter((_, i) => made[i]!.needsOldHeads).map(({kind}) => kind);
  if (own.length > 0 && looking.length > 0) {
    throw new HarnessError(
      'E_COMBINATION',
      `${own.join(', ')} gives every task a path of its own, but ${looking.join(', ')} looks at the logits of earlier tasks along the path of the task under way. Use one or the other.`,
    );
  }
  if (head === 'growing' && scenario !== 'class-incremental') {
    throw new HarnessError(
      'E_COMBINATION',
      `a growing head puts the classes of all tasks under one softmax, which is what class-incremental asks for, got ${scenario}. Set head: per-task or single, or leave it on auto.`,
    );
  }
  if (own.length > 0 && head !== 'per-task') {
    throw new HarnessError(
      'E_COMBINATION',
      `${own.join(', ')} gives every task a path of its own, which needs a head per task, got head "${head}". Set head: per-task, or leave it on auto.`,
    );
  }
  if (withheld && taskSpecific && config.taskInference === null) {
    const cause = own.length > 0 ? `${own.join(', ')} predicts by task` : 'there is a head per task';
    throw new HarnessError(
      'E_COMBINATION',
      `${scenario} withholds the task at test time, but ${cause}. Set taskInference (${taskInferences.kinds.join(', ')}), or use the task-incremental scenario.`,
      {scenario},
    );
  }
  const infersTask = withheld && taskSpecific;
  if (infersTask && config.taskInference?.kind === 'recognition' && !made.some(({recognise}) => recognise)) {
    throw new HarnessError(
      'E_COMBINATION',
      'taskInference recognition asks a strategy that recognises tasks, which none here does. Use expert-gate, or set taskInference: lowest-entropy.',
    );
  }
  return {head, taskSpecific, infersTask};
}

/** Identity of a run but for its seed: the first 10 digits of a SHA-256 over its canonical config. */
export function runHash(config: RunConfig): string {
  const {seed: _, ...rest} = config;
  return sha256(canonicalJson(rest)).slice(0, 10);
}

/** Name of a run's folder in its experiment's: `<hash>-s<seed>`. */
export function runName(config: RunConfig): string {
  return `${runHash(config)}-s${config.seed}`;
}

/** Validates untrusted input against a schema. @throws HarnessError E_CONFIG with every problem and its place */
export function parsed<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new HarnessError(
    'E_CONFIG',
    `invalid ${what}.\n${z.prettifyError(result.error)}`,
    {issues: result.error.issues},
    result.error,
  );
}
