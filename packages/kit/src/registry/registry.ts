import * as z from 'zod';
import {HarnessError} from '../errors/harness-error.ts';

/** Where a method comes from. Printed in `--help`, METHODS.md and reports. */
export interface Source {
  readonly cite: string;
  readonly url?: string;
  /** Deliberate departures from the source; empty or absent means faithful. */
  readonly deviations?: readonly string[];
}

/** One registered part: its name, its options, where it comes from and how to make it. */
export interface Definition<K extends string, S extends z.ZodRawShape, T> {
  readonly kind: K;
  /** zod shape, not schema: the registry adds `kind` and makes it strict, so no author can forget to. */
  readonly options: S;
  readonly summary: string;
  readonly source: Source;
  readonly create: (options: z.output<z.ZodObject<S>>) => T;
}

// `never` in the parameter position is what makes differently configured definitions mutually assignable.
/** A definition whose options are not known here. */
export interface AnyDefinition<T> {
  readonly kind: string;
  readonly options: z.ZodRawShape;
  readonly summary: string;
  readonly source: Source;
  readonly create: (options: never) => T;
}

/** What a registry says of one kind. */
export interface Description {
  readonly family: string;
  readonly kind: string;
  readonly summary: string;
  readonly source: Source;
  /** JSON Schema of the options, `kind` included. */
  readonly jsonSchema: unknown;
}

/** Identity with inference: keeps `kind` literal and ties `create`'s argument to the options. */
export function define<const K extends string, S extends z.ZodRawShape, T>(
  definition: Definition<K, S, T>,
): Definition<K, S, T> {
  return Object.freeze(definition);
}

/** What a user may write in a config for any of `Defs` (defaults optional). */
export type ConfigInput<Defs extends readonly AnyDefinition<unknown>[]> = Defs[number] extends infer D
  ? D extends Definition<infer K, infer S, unknown>
    ? Readonly<z.input<z.ZodObject<{kind: z.ZodLiteral<K>} & S>>>
    : never
  : never;

/** A validated config: every default filled in, `kind` first among its keys. */
export type ParsedConfig = {readonly kind: string} & Readonly<Record<string, unknown>>;

/** An immutable set of named parts of one sort. */
export interface Registry<T, Defs extends readonly AnyDefinition<T>[]> {
  readonly family: string;
  readonly kinds: readonly Defs[number]['kind'][];
  /** Strict schema of a config for any kind; to be used inside larger schemas. */
  readonly schema: z.ZodType<ParsedConfig>;
  /** Build from a literal config; wrong kinds and options are compile errors as well as E_UNKNOWN and E_CONFIG. */
  create(config: ConfigInput<Defs>): T;
  /** Build from untrusted input (a file, argv). @throws HarnessError E_UNKNOWN, E_CONFIG */
  parse(input: unknown): T;
  /** Validate untrusted input and fill in the defaults, without building. @throws HarnessError E_UNKNOWN, E_CONFIG */
  validate(input: unknown): ParsedConfig;
  describe(kind: string): Description;
  /** A new registry with one more kind; the receiver is unchanged. */
  with<const K extends string, S extends z.ZodRawShape>(
    definition: Definition<K, S, T>,
  ): Registry<T, readonly [...Defs, Definition<K, S, T>]>;
}

/**
 * Start a family of parts: `family<Router>()('router', [softmax, topK])`. Curried so that `T` is given and `Defs` inferred.
 *
 * @throws HarnessError E_DUPLICATE where a kind is defined twice.
 */
export const family =
  <T>() =>
  <const Defs extends readonly AnyDefinition<T>[]>(name: string, definitions: Defs): Registry<T, Defs> => {
    const byKind = new Map<string, AnyDefinition<T>>();
    for (const definition of definitions) {
      if (byKind.has(definition.kind)) {
        throw new HarnessError('E_DUPLICATE', `${name} "${definition.kind}" is defined twice. Rename one of them.`, {
          family: name,
          kind: definition.kind,
        });
      }
      byKind.set(definition.kind, definition);
    }
    const known = [...byKind.keys()];
    const strict = (d: AnyDefinition<T>) => z.strictObject({kind: z.literal(d.kind), ...d.options});
    const options = [...byKind.values()].map(strict);
    const schema = z.discriminatedUnion(
      'kind',
      options as unknown as [z.ZodObject<{kind: z.ZodLiteral<string>}>],
    ) as unknown as z.ZodType<ParsedConfig>;
    const lookup = (kind: string): AnyDefinition<T> => {
      const definition = byKind.get(kind);
      if (!definition) {
        throw new HarnessError('E_UNKNOWN', `unknown ${name} "${kind}". Known: ${known.join(', ')}.`, {
          family: name,
          kind,
          known,
        });
      }
      return definition;
    };
    const validate = (input: unknown): ParsedConfig => {
      const kind = (input as {kind?: unknown} | null)?.kind;
      if (typeof kind === 'string') lookup(kind);
      const result = schema.safeParse(input);
      if (!result.success) {
        throw new HarnessError(
          'E_CONFIG',
          `invalid ${name} config.\n${z.prettifyError(result.error)}`,
          {family: name, issues: result.error.issues},
          result.error,
        );
      }
      return result.data;
    };
    const parse = (input: unknown): T => {
      const {kind, ...config} = validate(input);
      return lookup(kind).create(config as never);
    };
    return Object.freeze({
      family: name,
      kinds: known as Defs[number]['kind'][],
      schema,
      parse,
      validate,
      create: (config: ConfigInput<Defs>) => parse(config),
      describe: (kind: string): Description => {
        const d = lookup(kind);
        return {
          family: name,
          kind: d.kind,
          summary: d.summary,
          source: d.source,
          jsonSchema: z.toJSONSchema(strict(d), {io: 'input'}),
        };
      },
      with: <const K extends string, S extends z.ZodRawShape>(d: Definition<K, S, T>) =>
        family<T>()(name, [...definitions, d] as const),
    });
  };
