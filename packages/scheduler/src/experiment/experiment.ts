import {HarnessError} from '@accrete/kit';
import * as z from 'zod';
import {parsed, parseRunConfig, type RunConfig, runName, sharedShape} from '../run/config.ts';
import {strategies} from '../strategies/registry.ts';
import {streams} from '../streams/registry.ts';
import {type Scenario, scenarios} from '../streams/stream.ts';
import {setAt} from './set-at.ts';

const label = z
  .string()
  .min(1)
  .max(100)
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._+-]*$/u,
    'a name starts with a letter or digit and has letters, digits, spaces and . _ + - only',
  );

const variantSchema = z.strictObject({
  label: label.describe('its name in tables and charts'),
  strategy: z.array(strategies.schema).default([]).describe('strategies in order; none is plain fine-tuning'),
  scenarios: z
    .array(z.enum(scenarios))
    .min(1)
    .optional()
    .describe("the scenarios it runs in; the experiment's where absent"),
  set: z.record(z.string(), z.unknown()).default({}).describe('what differs in its runs, by path: {"train.epochs": 3}'),
});

const placedStream = z.strictObject({
  stream: streams.schema.describe('the task stream'),
  scenarios: z.array(z.enum(scenarios)).min(1).describe("those of the experiment's scenarios that it is run in"),
});

/** Strict schema of an experiment: every variant on every stream, in every scenario, with every seed. */
export const experimentSchema = z.strictObject({
  $schema: z.string().optional().describe('address of the JSON Schema, for editors'),
  name: label.describe('name of the experiment; its runs go to <out>/<name>/'),
  description: z.string().optional().describe('what it is to show'),
  seeds: z.array(z.int().min(0)).min(1).describe('one run per seed'),
  scenarios: z.array(z.enum(scenarios)).min(1).describe('what the learner is told at test time'),
  variants: z.array(variantSchema).min(1).describe('what is compared'),
  ...sharedShape,
  stream: z
    .union([streams.schema, z.array(z.union([streams.schema, placedStream])).min(1)])
    .describe('the task stream, or several: every variant runs on each, in the scenarios listed with it or in all'),
});

/** A stream, and the scenarios that it is run in where not in all. */
interface Placed {
  readonly stream: z.output<typeof streams.schema>;
  readonly scenarios?: readonly Scenario[];
}

/** An experiment as a user writes it. */
export type ExperimentInput = z.input<typeof experimentSchema>;

/** An experiment, validated, and its runs: stream by stream, scenario by scenario, variant by variant, seed by seed. */
export interface Experiment {
  readonly name: string;
  readonly description: string | null;
  readonly runs: readonly RunConfig[];
}

/**
 * Validates an experiment whole, every run of it included, before any compute.
 *
 * @param overrides what the command line sets, by path: `{'train.epochs': 2}`; applied last, to every run.
 * @throws HarnessError E_CONFIG, E_UNKNOWN, E_DUPLICATE, E_COMBINATION; problems of single runs name the variant and scenario.
 */
export function defineExperiment(input: unknown, overrides: Readonly<Record<string, unknown>> = {}): Experiment {
  const experiment = parsed(experimentSchema, input, 'experiment');
  const {$schema: _, name, description, seeds, scenarios: shared, variants, stream: given, ...common} = experiment;
  const labels = variants.map((variant) => variant.label);
  const twice = labels.find((l, i) => labels.indexOf(l) !== i);
  if (twice !== undefined)
    throw new HarnessError('E_DUPLICATE', `two variants are called "${twice}". Rename one of them.`);
  if (new Set(seeds).size !== seeds.length)
    throw new HarnessError('E_DUPLICATE', `a seed is listed twice: ${seeds.join(', ')}.`);
  const all = (Array.isArray(given) ? given : [given]).map((one) => ('stream' in one ? one : {stream: one}) as Placed);
  const places = all.flatMap(({stream, scenarios: own}, place) =>
    shared.filter((scenario) => own?.includes(scenario) ?? true).map((scenario) => ({stream, scenario, place})),
  );
  const runs = places.flatMap(({stream, scenario, place}) =>
    variants
      .filter((variant) => variant.scenarios?.includes(scenario) ?? true)
      .flatMap((variant) =>
        seeds.map((seed) => {
          const base: Record<string, unknown> = {
            ...structuredClone({...common, stream}),
            experiment: name,
            label: variant.label,
            scenario,
            seed,
            strategy: variant.strategy,
          };
          const changed = Object.entries({...variant.set, ...overrides}).reduce(
            (config, [path, value]) => setAt(config, path, value),
            base,
          );
          try {
            return parseRunConfig(changed);
          } catch (error) {
            if (!(error instanceof HarnessError)) throw error;
            const {code, message, details} = error;
            const text = message.slice(code.length + 2);
            const where = all.length > 1 ? `${scenario}, stream ${place + 1} (${stream.kind})` : scenario;
            throw new HarnessError(code, `variant "${variant.label}", ${where}: ${text}`, details, error);
          }
        }),
      ),
  );
  const folders = runs.map(runName);
  const same = folders.findIndex((folder, i) => folders.indexOf(folder) !== i);
  if (same >= 0) {
    const {label, scenario, seed} = runs[same]!;
    throw new HarnessError(
      'E_DUPLICATE',
      `variant "${label}", ${scenario}, seed ${seed} is there twice. List every stream and scenario once, and set neither seed nor label by path.`,
    );
  }
  if (runs.length === 0) throw new HarnessError('E_CONFIG', 'no variant runs in any of the scenarios listed.');
  return {name, description: description ?? null, runs};
}
