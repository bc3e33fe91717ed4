import {
  leading,
  leadingPart,
  type Network,
  type Owner,
  type Path,
  type Settled,
  settledPart,
  settledValues,
} from '@accrete/core';
import type {Buffers, Engine, Program} from '@accrete/engine';
import {type ArraySpec, canonicalJson, hostArray, sizeOf} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import {fillImages, type Part, type Row, type Stream} from '../streams/stream.ts';
import {KeptArrays} from './kept-arrays.ts';
import {type KeptSpec, keptBatch, keptInputs, startFrom} from './kept-batch.ts';
import type {Compiled} from './predictor.ts';
import {namedRoutes, type Routing, RoutingTally} from './routing-tally.ts';
import {names, parametersOf} from './step-inputs.ts';

/** What the settled part of a path gives for the examples of a stream. */
export interface Features extends KeptSpec {
  /** Computes what is missing of some of the values, for the tasks asked for. @throws HarnessError E_FILE; see `KeptArrays` */
  keep(values: readonly string[]): Promise<Kept>;
}

/** Values that have been computed, to be read row by row. */
export interface Kept {
  /** How routers in the settled part weighed the examples of the tasks asked for, where one did. */
  readonly routing: readonly Routing[];
  /** Copies the values of rows into `into` [rows, ...shape] from row `start` on. Their tasks must have been asked for. */
  fill(value: string, rows: readonly Row[], into: Float32Array, start?: number): void;
}

/** Where values are asked for. */
export interface FeatureRequest {
  readonly stream: Stream;
  readonly network: Network;
  readonly path: Path;
  /** Whose parameters stay as they are; see `settledPart`. */
  readonly settled: (owner: Owner, local: string) => boolean;
  readonly part: Part;
  /** Tasks whose examples will be read. */
  readonly tasks: readonly number[];
  readonly compiled: Compiled;
}

/** A request, the part of the path that it is for, and the part that all tasks share, if that is another. */
interface Wanted extends Omit<FeatureRequest, 'settled'> {
  readonly settled: Settled;
  readonly shared: Features | null;
}

/**
 * Rows per call of the program: fixed, so that a value is the same to the bit whenever it is computed; as few as keep the
 * hidden states of an encoder in the cache, and as many as a matrix product needs.
 */
const BATCH = 128;

/** Before the names of values, among what the program puts out. */
const VALUE = 'value/';

/**
 * Values of the settled parts of paths, computed once per example and kept: training repeats no frozen layer, and neither does the
 * evaluation of old tasks. Kept by what they are made of, so that nothing stale is ever read: the part's description, the very
 * arrays bound to it, and the very list of examples. Only what a program reads of a part is kept.
 *
 * What a task has of its own is computed from what all tasks share, always, so that the bits do not depend on what is there.
 *
 * Memory is bounded; see `KeptArrays`. Dispose it.
 */
export class FeatureStore {
  readonly #engine: Engine;
  readonly #arrays: KeptArrays;
  readonly #routing = new Map<string, readonly Routing[]>();
  readonly #shapes = new Map<string, Features['shapes']>();
  /** Numbers of parts, by all that they are made of. */
  readonly #parts = new Map<string, number>();
  readonly #numbers = new WeakMap<object, number>();
  #numbered = 0;

  constructor(engine: Engine, budgetBytes = 2 ** 30) {
    this.#engine = engine;
    this.#arrays = new KeptArrays(budgetBytes);
  }

  /** Bytes that are kept in memory. */
  get bytes(): number {
    return this.#arrays.bytes;
  }

  /** What the settled part of a path gives; null where nothing is settled. */
  async of({settled, ...request}: FeatureRequest): Promise<Features | null> {
    const {path} = request;
    const whole = settledPart(path, settled);
    if (settledValues(whole).length === 0) return null;
    const common = settledPart(path, (owner, local) => owner.task === null && settled(owner, local));
    const apart = settledValues(common).length > 0 && canonicalJson(common) !== canonicalJson(whole);
    const shared = apart ? await this.#features({...request, settled: common, shared: null}) : null;
    return this.#features({...request, settled: whole, shared});
  }

  dispose(): void {
    this.#arrays.dispose();
  }

  async #features(wanted: Wanted): Promise<Features> {
    const {settled} = wanted;
    const made = this.#identity(wanted);
    const known = this.#shapes.get(made);
    const shapes = known ?? (await this.#with(wanted, async (program) => shapesOf(program, settled)));
    this.#shapes.set(made, shapes);
    return {settled, shapes, keep: (values) => this.#keep(wanted, made, shapes, values)};
  }

  async #keep(wanted: Wanted, made: string, shapes: Features['shapes'], values: readonly string[]): Promise<Kept> {
    const {stream, part, tasks} = wanted;
    const keyOf = (task: number): string => {
      const {examples, transform} = stream.tasks[task]!;
      return `${part} ${this.#numberOf(examples[part])} ${transform === null ? '' : this.#numberOf(transform)} ${made}`;
    };
    const keys = new Map(tasks.map((task) => [task, keyOf(task)]));
    const missing = tasks.filter((task) => values.some((value) => !this.#arrays.has(`${value} ${keys.get(task)!}`)));
    if (missing.length > 0) {
      const take = (task: number, value: string, array: Float32Array) =>
        this.#arrays.put(`${value} ${keyOf(task)}`, array);
      await this.#with(wanted, async (program) => {
        for await (const [task, routing] of this.#compute({...wanted, tasks: missing}, program, values, take))
          this.#routing.set(keyOf(task), routing);
      });
    }
    const width = Object.fromEntries(values.map((value) => [value, sizeOf(shapes[value]!)]));
    return {
      routing: values.length === 0 ? [] : tasks.flatMap((task) => this.#routing.get(keys.get(task)!) ?? []),
      fill: (value, rows, into, start = 0) => {
        const readers = new Map<number, ReturnType<KeptArrays['reader']>>();
        const size = width[value]!;
        // Examples that follow one another are copied at once.
        for (let [from, to] = [0, 0]; from < rows.length; from = to) {
          const {task, example} = rows[from]!;
          do to++;
          while (to < rows.length && rows[to]!.task === task && rows[to]!.example === example + to - from);
          const read = readers.get(task) ?? this.#arrays.reader(`${value} ${keys.get(task)!}`);
          readers.set(task, read);
          read(example * size, into.subarray((start + from) * size, (start + to) * size));
        }
      },
    };
  }

  /** Names a part by its description and the arrays bound to it, shortly: a name is looked up for every batch. */
  #identity({network, path, settled}: Wanted): string {
    const {sites, locals, bases, baseLocals} = leadingPart(path, settled);
    const arrays = [...locals, ...baseLocals].map((local) => this.#numberOf(network.parameters[path.bind[local]!]!));
    const made = canonicalJson({architecture: path.spec.architecture, settled, sites, bases, arrays});
    const known = this.#parts.get(made) ?? this.#parts.size;
    this.#parts.set(made, known);
    return String(known);
  }

  /** A number of an object's own. */
  #numberOf(object: object): number {
    const known = this.#numbers.get(object) ?? this.#numbered++;
    this.#numbers.set(object, known);
    return known;
  }

  /** Compiles (or finds compiled) what computes a part, for as long as `use` takes. */
  async #with<T>(
    {stream, network, path, settled, shared, compiled}: Wanted,
    use: (program: Program) => Promise<T>,
  ): Promise<T> {
    const {spec, bind} = path;
    const {sites, locals, bases, baseLocals} = leadingPart(path, settled);
    const bound = [...locals, ...baseLocals].map(
      (local) => [names.parameter(local), network.parameters[bind[local]!]!] as const,
    );
    const inputs: Record<string, ArraySpec> = {
      [names.images]: {shape: [BATCH, stream.features], dtype: 'uint8'},
      ...keptInputs(shared, BATCH),
      ...Object.fromEntries(bound.map(([name, {shape}]): [string, ArraySpec] => [name, {shape, dtype: 'float32'}])),
    };
    const described = {architecture: spec.architecture, input: spec.input, settled, sites, bases};
    const program = await this.#engine.compile(
      (given) => {
        const parameters = parametersOf(given, Object.keys(given));
        const start = shared ? startFrom(shared, given) : undefined;
        const {values, routes} = leading(spec, parameters, given[names.images]!, settled, start);
        return {...namedValues(values), ...namedRoutes(routes)};
      },
      inputs,
      {
        name: 'features',
        key: canonicalJson({features: described, shared: shared?.settled ?? null}),
        optional: Object.keys(inputs),
      },
    );
    compiled(program);
    try {
      return await use(program);
    } finally {
      program.dispose();
    }
  }

  /** Computes some values of a part, task by task. @param take is given each task's. @returns how routers weighed its examples. */
  async *#compute(
    {stream, network, path, part, tasks, shared}: Wanted,
    program: Program,
    values: readonly string[],
    take: (task: number, value: string, array: Float32Array) => void,
  ): AsyncGenerator<readonly [task: number, readonly Routing[]]> {
    const engine = this.#engine;
    const below = shared && (await keptBatch(engine, shared, program, BATCH));
    const images = new Uint8Array(names.images in program.inputs ? BATCH * stream.features : 0);
    const bound = Object.entries(path.bind).filter(([local]) => names.parameter(local) in program.inputs);
    const parameters = Object.fromEntries(
      bound.map(([local, at]) => [names.parameter(local), engine.upload(network.parameters[at]!)]),
    );
    const width = (value: string): number => sizeOf(program.outputs[VALUE + value]!.shape) / BATCH;
    try {
      for (const task of tasks) {
        const examples = stream.tasks[task]!.examples[part].length;
        const arrays = values.map((value) => [value, new Float32Array(examples * width(value))] as const);
        const tally = new RoutingTally();
        for (let from = 0; from < examples; from += BATCH) {
          const length = Math.min(BATCH, examples - from);
          const rows = Array.from({length}, (_, i): Row => ({task, example: from + i}));
          below?.place(rows, 0);
          if (images.length > 0) fillImages(stream, part, rows, images);
          const batch: Buffers = {
            ...below?.upload(),
            ...(images.length > 0 && {
              [names.images]: engine.upload(hostArray(images, [BATCH, stream.features], 'uint8')),
            }),
          };
          const made = await program.run({...parameters, ...batch}).finally(() => disposeAll(batch));
          for (const [value, array] of arrays) {
            const read = (await made[VALUE + value]!.read()).data as Float32Array;
            array.set(read.subarray(0, length * width(value)), from * width(value));
          }
          const isValue = ([name]: readonly [string, unknown]): boolean => name.startsWith(VALUE);
          disposeAll(Object.fromEntries(Object.entries(made).filter(isValue)));
          await tally.take(path, Object.fromEntries(Object.entries(made).filter((output) => !isValue(output))), rows);
        }
        for (const [value, array] of arrays) take(task, value, array);
        yield [task, [...(below?.routing ?? []).filter(({evalTask}) => evalTask === task), ...tally.summary()]];
      }
    } finally {
      disposeAll(parameters);
    }
  }
}

function namedValues(values: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [VALUE + name, value]));
}

function shapesOf({outputs}: Program, settled: Settled): Features['shapes'] {
  return Object.fromEntries(settledValues(settled).map((value) => [value, outputs[VALUE + value]!.shape.slice(1)]));
}

function disposeAll(buffers: Buffers): void {
  for (const buffer of Object.values(buffers)) buffer.dispose();
}
