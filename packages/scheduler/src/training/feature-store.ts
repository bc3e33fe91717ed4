import {closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {leading, leadingPart, type Network, type Path} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import {type ArraySpec, canonicalJson, HarnessError, hostArray, messageOf, sizeOf} from '@accrete/kit';
import {fillImages, type Part, type Row, type Stream} from '../streams/stream.ts';
import type {Compiled} from './predictor.ts';
import {namedRoutes, type Routing, RoutingTally} from './routing-tally.ts';
import {names, parametersOf} from './step-inputs.ts';

/** What the leading stages of a path put out for the examples of a stream, to be read row by row. */
export interface Features {
  /** Leading stages that are left out where these are used. */
  readonly stages: number;
  /** Shape of one example's hidden state. */
  readonly shape: readonly number[];
  /** How routers in these stages weighed the examples of the tasks asked for, where one did. */
  readonly routing: readonly Routing[];
  /** Copies the hidden states of rows into `into` [rows, ...shape] from row `start` on. Their tasks must have been computed. */
  fill(rows: readonly Row[], into: Float32Array, start?: number): void;
}

/** Where hidden states are asked for. */
export interface FeatureRequest {
  readonly stream: Stream;
  readonly network: Network;
  readonly path: Path;
  /** At least 1. */
  readonly stages: number;
  readonly part: Part;
  /** Tasks whose examples will be read. */
  readonly tasks: readonly number[];
  readonly compiled: Compiled;
}

/** Examples of a task's part: in memory, or in a file where memory was short. */
interface Entry {
  /** How routers weighed the examples. */
  readonly routing: readonly Routing[];
  data: Float32Array | null;
  file: number | null;
}

/** Rows per call of the program: fixed, so that a hidden state is the same to the bit whenever it is computed. */
const BATCH = 500;

/**
 * Hidden states after the settled stages of paths, computed once per example and kept: training repeats no frozen layer, and
 * neither does the evaluation of old tasks. Kept by what they are made of, so that nothing stale is ever read: the stages'
 * description, the very arrays bound to them, and the very list of examples.
 *
 * Memory is bounded: beyond `budgetBytes` what was used longest ago moves into a temporary file. Dispose it.
 */
export class FeatureStore {
  readonly #engine: Engine;
  readonly #budgetBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #shapes = new Map<string, readonly number[]>();
  readonly #numbers = new WeakMap<object, number>();
  #numbered = 0;
  #folder: string | null = null;
  #files = 0;

  constructor(engine: Engine, budgetBytes = 2 ** 30) {
    this.#engine = engine;
    this.#budgetBytes = budgetBytes;
  }

  /** Bytes that are kept in memory. */
  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, {data}) => sum + (data?.byteLength ?? 0), 0);
  }

  /** Computes what is missing. @throws HarnessError E_FILE where memory is short and the temporary file cannot be written. */
  async of(request: FeatureRequest): Promise<Features> {
    const {stream, part, tasks, stages} = request;
    const made = this.#identity(request);
    const keyOf = (task: number): string => {
      const {examples, transform} = stream.tasks[task]!;
      return `${part} ${this.#numberOf(examples[part])} ${transform === null ? '' : this.#numberOf(transform)} ${made}`;
    };
    const keys = new Map(tasks.map((task) => [task, keyOf(task)]));
    const missing = tasks.filter((task) => !this.#entries.has(keyOf(task)));
    if (missing.length > 0) await this.#compute(request, made, missing, keyOf);
    const shape = this.#shapes.get(made)!;
    const width = sizeOf(shape);
    return {
      stages,
      shape,
      routing: tasks.flatMap((task) => this.#touch(keys.get(task)!).routing),
      fill: (rows, into, start = 0) => {
        // Rows of a task mostly stand together, and a name is long.
        let [known, entry]: [number | null, Entry | null] = [null, null];
        rows.forEach(({task, example}, i) => {
          if (entry === null || task !== known) [known, entry] = [task, this.#touch(keys.get(task)!)];
          const target = into.subarray((start + i) * width, (start + i + 1) * width);
          read(entry, example * width, target);
        });
      },
    };
  }

  dispose(): void {
    for (const {file} of this.#entries.values()) if (file !== null) closeSync(file);
    this.#entries.clear();
    if (this.#folder !== null) rmSync(this.#folder, {recursive: true, force: true});
    this.#folder = null;
  }

  /** Names the leading stages by their description and the arrays bound to them. */
  #identity({network, path, stages}: FeatureRequest): string {
    const {sites, locals} = leadingPart(path, stages);
    const arrays = locals.map((local) => this.#numberOf(network.parameters[path.bind[local]!]!));
    return canonicalJson({architecture: path.spec.architecture, sites, stages, arrays});
  }

  /** A number of an object's own. */
  #numberOf(object: object): number {
    const known = this.#numbers.get(object) ?? this.#numbered++;
    this.#numbers.set(object, known);
    return known;
  }

  async #compute(
    {stream, network, path, stages, part, compiled}: FeatureRequest,
    made: string,
    tasks: readonly number[],
    keyOf: (task: number) => string,
  ): Promise<void> {
    const engine = this.#engine;
    const {features} = stream;
    const {spec, bind} = path;
    const {sites, locals} = leadingPart(path, stages);
    const inputs: Record<string, ArraySpec> = {[names.images]: {shape: [BATCH, features], dtype: 'uint8'}};
    for (const local of locals) {
      inputs[names.parameter(local)] = {shape: network.parameters[bind[local]!]!.shape, dtype: 'float32'};
    }
    const program = await engine.compile(
      (given) => {
        const {h, routes} = leading(spec, parametersOf(given, Object.keys(given)), given[names.images]!, stages);
        return {h, ...namedRoutes(routes)};
      },
      inputs,
      {name: 'features', key: canonicalJson({features: {architecture: spec.architecture, sites, stages}})},
    );
    compiled(program);
    const shape = program.outputs['h']!.shape.slice(1);
    const width = sizeOf(shape);
    const parameters = Object.fromEntries(
      locals.map((local) => [names.parameter(local), engine.upload(network.parameters[bind[local]!]!)]),
    );
    const images = new Uint8Array(BATCH * features);
    try {
      for (const task of tasks) {
        const examples = stream.tasks[task]!.examples[part].length;
        const data = new Float32Array(examples * width);
        const tally = new RoutingTally();
        for (let from = 0; from < examples; from += BATCH) {
          const rows = Array.from(
            {length: Math.min(BATCH, examples - from)},
            (_, i): Row => ({task, example: from + i}),
          );
          fillImages(stream, part, rows, images);
          const x = engine.upload(hostArray(images, [BATCH, features], 'uint8'));
          try {
            const {h, ...routes} = await program.run({...parameters, [names.images]: x});
            const values = (await h!.read()).data as Float32Array;
            h!.dispose();
            await tally.take(path, routes, rows);
            data.set(values.subarray(0, rows.length * width), from * width);
          } finally {
            x.dispose();
          }
        }
        this.#makeRoom(data.byteLength);
        this.#entries.set(keyOf(task), {routing: tally.summary(), data, file: null});
      }
      this.#shapes.set(made, shape);
    } finally {
      for (const buffer of Object.values(parameters)) buffer.dispose();
      program.dispose();
    }
  }

  /** Moves what was used longest ago into files, until so many more bytes fit. */
  #makeRoom(bytes: number): void {
    for (const entry of this.#entries.values()) {
      if (this.bytes + bytes <= this.#budgetBytes) return;
      if (entry.data === null) continue;
      try {
        this.#folder ??= mkdtempSync(join(tmpdir(), 'accrete-features-'));
        entry.file = openSync(join(this.#folder, String(this.#files++)), 'wx+');
        writeWhole(entry.file, entry.data);
        entry.data = null;
      } catch (error) {
        throw new HarnessError(
          'E_FILE',
          `cannot write hidden states to the temporary folder (${messageOf(error)}). Free space there, or set TMPDIR to a folder with room.`,
          {},
          error,
        );
      }
    }
  }

  #touch(key: string): Entry {
    const entry = this.#entries.get(key)!;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }
}

function writeWhole(file: number, data: Float32Array): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

function read({data, file}: Entry, from: number, into: Float32Array): void {
  if (data !== null) {
    into.set(data.subarray(from, from + into.length));
    return;
  }
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  for (let at = 0; at < bytes.length; ) at += readSync(file!, bytes, at, bytes.length - at, from * 4 + at);
}
