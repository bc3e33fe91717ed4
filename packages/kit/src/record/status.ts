import * as z from 'zod';

/** Version of the run-folder format; a reader refuses what it does not know. */
export const RECORD_VERSION = 1;

/** `status.json`: how a run stands. Written atomically at its start and its end. */
export const statusSchema = z.strictObject({
  version: z.literal(RECORD_VERSION),
  state: z.enum(['running', 'done', 'non-finite', 'failed']),
  /** Why, where the state is `failed` or `non-finite`. */
  reason: z.string().optional(),
  started: z.iso.datetime(),
  ended: z.iso.datetime().optional(),
});

/** `status.json`. */
export type RunStatus = Readonly<z.output<typeof statusSchema>>;

/** `env.json`: where a run was computed. Never part of its hash. */
export const environmentSchema = z.strictObject({
  version: z.literal(RECORD_VERSION),
  accrete: z.string(),
  node: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.int().min(1),
  engine: z.strictObject({
    kind: z.string(),
    /** Why this engine: chosen by name, or what `auto` found. */
    reason: z.string(),
    threads: z.int().min(1),
    versions: z.record(z.string(), z.string()),
  }),
  gitCommit: z.string().nullable(),
});

/** `env.json`. */
export type Environment = Readonly<z.output<typeof environmentSchema>>;

/**
 * The part of `config.json` that readers of run folders need. The scheduler owns the rest and validates it whole;
 * a reader takes it as JSON.
 */
export const runConfigHeaderSchema = z.looseObject({
  version: z.literal(RECORD_VERSION),
  experiment: z.string(),
  /** The name of this variant in its experiment, such as "ewc". */
  label: z.string(),
  scenario: z.string(),
  seed: z.int().min(0),
});

/** The part of `config.json` that readers of run folders need. */
export type RunConfigHeader = Readonly<z.output<typeof runConfigHeaderSchema>>;
