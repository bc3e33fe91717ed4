import * as z from 'zod';
import {type Conforms, conformance, type JsonSchema} from '../json/conformance.ts';
import {evidenceShape} from './evidence.ts';

const index = z.int().min(0);
const count = z.int().min(0);
const milliseconds = z.number().min(0);
const fraction = z.number().min(0).max(1);

/** What of a network is stored and moved at one moment. */
const parameterCount = z.strictObject({
  /** Parameters stored for all tasks so far, frozen ones included. */
  total: count,
  /** Parameters that the current task's training moves. */
  trainable: count,
  /** Parameters that one prediction for the current task reads. */
  active: count,
  /** Bytes stored for all tasks so far: parameters, and whatever the strategy keeps (buffers, importances, masks). */
  bytes: count,
});

const taskSummary = z.strictObject({
  index,
  name: z.string(),
  /** Class labels of the data set that the task holds. */
  classes: z.array(z.int()),
  train: count,
  validation: count,
  test: count,
});

const body = {
  'run-start': {
    run: z.strictObject({
      experiment: z.string(),
      label: z.string(),
      hash: z.string(),
      seed: z.int().min(0),
      scenario: z.string(),
      stream: z.string(),
      dataset: z.string(),
    }),
    engine: z.string(),
    /** Notes on the data that a reader must see, such as a fallback from real images to procedural ones. */
    dataNotes: z.array(z.string()),
    tasks: z.array(taskSummary),
  },
  'run-resume': {afterTask: z.int().min(-1), task: index, phase: index, epoch: count, step: count},
  'task-start': {task: index, name: z.string(), phases: z.array(z.string()), parameters: parameterCount},
  /** Modules came, were frozen, were taken up again or were set back: what, where, why, and at what cost. */
  growth: {
    task: index,
    change: z.enum(['add', 'freeze', 'reuse', 'reinitialise', 'prune', 'remove']),
    modules: z.array(z.string()),
    reason: z.string(),
    parametersAdded: z.int(),
    bytesAdded: z.int(),
  },
  /** What was tried before a task's structure was settled, each trained and judged on the task's validation examples. */
  search: {
    task: index,
    candidates: z.array(
      z.strictObject({
        name: z.string(),
        accuracy: fraction.nullable(),
        parametersAdded: z.int(),
        durationMs: milliseconds,
      }),
    ),
    chosen: z.string(),
    reason: z.string(),
  },
  compile: {task: index, program: z.string(), durationMs: milliseconds, cached: z.boolean()},
  /** Mean loss over the steps since the last such event of the epoch [nats]; null where it is not finite. */
  progress: {task: index, phase: z.string(), epoch: index, step: count, steps: count, loss: z.number().nullable()},
  epoch: {
    task: index,
    phase: z.string(),
    epoch: index,
    steps: count,
    examples: count,
    loss: z.number().nullable(),
    /** Mean of each term that a strategy adds to the loss [nats]. */
    terms: z.record(z.string(), z.number().nullable()),
    durationMs: milliseconds,
  },
  /** How a router shared out the test examples of one task among the modules of its site; left out where routing is fixed. */
  routing: {
    afterTask: z.int().min(-1),
    evalTask: index,
    site: z.string(),
    modules: z.array(z.string()),
    /** Mean weight of each module over the examples, in the order of `modules`; they add up to 1. */
    load: z.array(fraction),
    /** Mean over examples of the entropy of the example's own weights [nats]. */
    entropy: z.number().min(0),
    /** Examples that some module serves. */
    examples: count,
    /** Share of the tokens that no module serves, over all examples; older logs do not say. */
    unserved: fraction.optional(),
  },
  /** A figure of routing by which one way of failing is recognised, and whether it was. */
  diagnosis: {
    afterTask: z.int().min(-1),
    /** Null for the network as a whole. */
    site: z.string().nullable(),
    failure: z.enum([
      'collapse',
      'dead-modules',
      'uniform-router',
      'unserved-tokens',
      'router-overfit',
      'co-adaptation',
      'soft-hard-gap',
      'task-leakage',
      'frozen-drift',
    ]),
    value: z.number(),
    /** The figure shows the failure where it is above this. */
    limit: z.number(),
    failed: z.boolean(),
    /** The modules that it concerns. */
    modules: z.array(z.string()),
  },
  /** Predictions for a task's own test examples after so many batches of it; 0 is before its training. */
  'learning-point': {
    task: index,
    batch: count,
    /** Null where the network had no finite answer for all of them, or none at all. */
    correct: count.nullable(),
    examples: count,
  },
  'frozen-hash': {afterTask: index, hashes: z.record(z.string(), z.string())},
  evaluation: {
    afterTask: z.int().min(-1),
    evalTask: index,
    split: z.enum(['validation', 'test']),
    /** `undefined`: the network has no answer for this task yet; `reason` says why. */
    status: z.enum(['ok', 'undefined', 'non-finite']),
    reason: z.string().optional(),
    examples: count,
    correct: count.nullable(),
    accuracy: fraction.nullable(),
    /** Mean negative log-likelihood of the labels [nats]. */
    loss: z.number().nullable(),
    /** SHA-256 of the raw float32 logits over the split in order; equal exactly where predictions did not move at all. */
    logitsHash: z.string().nullable(),
  },
  'task-end': {
    task: index,
    durationMs: milliseconds,
    trainMs: milliseconds,
    evaluateMs: milliseconds,
    compileMs: milliseconds,
    /** Processor time of the task, over all threads of the process. */
    cpuMs: milliseconds.optional(),
    /** Largest memory of the process so far, resident. */
    memoryPeakBytes: count.optional(),
    /**
     * Floating-point operations of one prediction for the task in matrix products and convolutions, a multiplication and an
     * addition counting as two. Where the task has to be inferred along the paths of all tasks seen, those of all of them.
     */
    flopsPerExample: count.optional(),
    /** The same along the task's own path alone. */
    flopsActive: count.optional(),
    steps: count,
    parameters: parameterCount,
  },
  checkpoint: {task: index, phase: index, epoch: count, step: count, durationMs: milliseconds},
  /** A number of evidence about a module that was found in a trained network; such events have a log of their own. */
  evidence: evidenceShape,
  notice: {code: z.string(), message: z.string()},
  'run-end': {
    status: z.enum(['done', 'non-finite', 'failed']),
    reason: z.string().optional(),
    durationMs: milliseconds,
    /** SHA-256 over all final parameters. */
    parametersHash: z.string().nullable(),
    /** Engine buffers and tensors alive after the run that were not before it; anything but 0 is our bug. */
    tensorsLeaked: z.int(),
  },
} as const;

type Body = typeof body;
/** One line of `events.jsonl`. `seq` counts from 0 without gaps; `time` is UTC. */
export type RunEvent = {
  [K in keyof Body]: Readonly<{type: K; seq: number; time: string} & z.output<z.ZodObject<Body[K]>>>;
}[keyof Body];

/** An event as the runner makes it, before the log numbers and dates it. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'seq' | 'time'> : never) : never;

/** One kind of event by name: `EventOf<'growth'>`. */
export type EventOf<K extends RunEvent['type']> = Extract<RunEvent, {type: K}>;

const lines = Object.fromEntries(
  Object.entries(body).map(([type, shape]) => [
    type,
    z.strictObject({type: z.literal(type), seq: z.int().min(0), time: z.iso.datetime(), ...shape}),
  ]),
);

/** Strict schema of one line of `events.jsonl`. */
export const eventSchema: z.ZodType<RunEvent> = z.discriminatedUnion(
  'type',
  Object.values(lines) as unknown as [z.ZodObject<{type: z.ZodLiteral<string>}>],
) as unknown as z.ZodType<RunEvent>;

let quick: ReadonlyMap<unknown, Conforms> | undefined;

/**
 * True where a value of JSON is certainly an event. It is quick, as a folder of runs holds millions of them; what it does not let
 * through, `eventSchema` judges.
 */
export function isCertainlyEvent(value: unknown): value is RunEvent {
  quick ??= new Map(
    Object.entries(lines).map(([type, schema]) => [type, conformance(z.toJSONSchema(schema) as JsonSchema)]),
  );
  const type = (value as {type?: unknown} | null)?.type;
  return quick.get(type)?.(value) ?? false;
}
