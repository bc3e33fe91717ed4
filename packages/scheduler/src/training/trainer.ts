import {
  leadingPart,
  type Network,
  type OptimizerState,
  optimizers,
  type Path,
  type PathSpec,
  slotKey,
  withParameters,
  withSlots,
} from '@accrete/core';
import type {Buffers, DeviceBuffer, Engine, Program} from '@accrete/engine';
import {
  type ArraySpec,
  canonicalJson,
  type HostArray,
  hostArray,
  type ParsedConfig,
  type SeedStream,
  scalar,
  zeros,
} from '@accrete/kit';
import type {Reads, Rehearsal, StepPart, StrategyState} from '../strategies/strategy.ts';
import {fillImages, type Row, type Stream, targetOf} from '../streams/stream.ts';
import type {Features} from './feature-store.ts';
import {keptBatch, keptInputs} from './kept-batch.ts';
import {packingOf} from './packing.ts';
import {buildStep} from './step.ts';
import {batchInputs, names, type StepSpec} from './step-inputs.ts';

/** What a trainer is made for: one phase of one task. */
export interface TrainerRequest {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly network: Network;
  readonly optimizerState: OptimizerState;
  readonly path: Path;
  /** Local names of the parameters that gradients move. */
  readonly trainable: readonly string[];
  /** Local names of the buffers that the forward pass keeps up to date. */
  readonly renewed: readonly string[];
  readonly optimizer: ParsedConfig;
  readonly batchSize: number;
  /** Rows of a batch that each strategy rehearses. */
  readonly rehearsed: readonly number[];
  readonly parts: readonly StepPart[];
  /** The state that each part's carried arrays start from. */
  readonly states: readonly StrategyState[];
  readonly ownSegmentOnly: boolean;
  /** What the path gives up to where something moves, unless a strategy reaches into it. */
  readonly features: Features | null;
  /** Sums to go on from, where a run is resumed in the middle of an epoch. */
  readonly sums?: Sums;
}

/** Sums over the steps since they were last taken [nats]. */
export interface Sums {
  readonly loss: number;
  /** Of the losses of routers and aggregators; null where none of them learns. */
  readonly auxiliary: number | null;
  readonly terms: readonly (number | null)[];
}

/** What a phase has made so far. */
export interface Snapshot {
  readonly network: Network;
  readonly optimizerState: OptimizerState;
  /** What each part carries, by its names among the state's arrays. */
  readonly carried: readonly Readonly<Record<string, HostArray>>[];
}

/** Parameters, optimiser state and sums of a phase as they stand on the device. Owns buffers: dispose it. */
export interface Trainer {
  readonly program: Program;
  /** One step on a batch: own rows first, what each strategy rehearses after them. */
  step(own: readonly Row[], rehearsals: readonly (Rehearsal | undefined)[], noise: SeedStream): Promise<void>;
  /** What the last step gave each strategy to be read. */
  reads(): Promise<readonly Reads[]>;
  /** The sums since the last call that took them. @param take sets them back to 0. */
  sums(take: boolean): Promise<Sums>;
  /** What moves as it stands, copied to the host. */
  snapshot(): Promise<Snapshot>;
  dispose(): void;
}

/**
 * Compiles the training step of a phase and puts its parameters on the device. Frozen and still parameters are constants of
 * the program; trainable ones are double-buffered.
 */
export async function createTrainer(request: TrainerRequest): Promise<Trainer> {
  const {engine, stream, path, network, parts, trainable, renewed, features} = request;
  const optimizer = optimizers.parse(request.optimizer);
  const at = (local: string): string => path.bind[local]!;
  const state = withSlots(optimizer, request.optimizerState, network.parameters, trainable.map(at));
  const rows = request.rehearsed.reduce((a, b) => a + b, request.batchSize);
  const spec: StepSpec = {
    path: path.spec,
    rows,
    trainable,
    kept: features && {settled: features.settled, shapes: features.shapes},
    renewed,
    routed: Object.keys(path.bind).some((local) => /^site\d+\/(router|gate|aggregator)\b/.test(local)),
    optimizer: request.optimizer,
    ownSegmentOnly: request.ownSegmentOnly,
    rehearsed: request.rehearsed,
  };

  // What moves is carried from step to step under its own name; what does not is read.
  const carried: Record<string, HostArray> = {[names.lossSum]: scalar(request.sums?.loss ?? 0)};
  if (spec.routed) carried[names.auxiliarySum] = scalar(request.sums?.auxiliary ?? 0);
  for (const local of renewed) carried[names.parameter(local)] = network.parameters[at(local)]!;
  parts.forEach((part, i) => {
    if (part.term) carried[names.termSum(i)] = scalar(request.sums?.terms[i] ?? 0);
    for (const [name, kept] of Object.entries(part.carry?.names ?? {})) {
      carried[names.carried(i, name)] = request.states[i]!.arrays[kept]!;
    }
  });
  for (const local of trainable) {
    carried[names.parameter(local)] = network.parameters[at(local)]!;
    for (const slot of optimizer.slots) carried[names.slot(local, slot.name)] = state[slotKey(at(local), slot.name)]!;
  }
  const read: Record<string, HostArray> = {};
  parts.forEach((part, i) => {
    for (const [name, array] of Object.entries(part.inputs)) read[names.part(i, name)] = array;
  });
  const moving = new Set([...trainable, ...renewed]);
  const before = new Set(features ? leadingPart(path, features.settled).locals : []);
  const fixed = Object.keys(path.bind).filter((local) => !moving.has(local) && !before.has(local));
  const constants = Object.fromEntries(fixed.map((local) => [names.parameter(local), network.parameters[at(local)]!]));

  const batchSpecs = batchInputs(spec);
  const fed: Record<string, ArraySpec> = {};
  parts.forEach((part, i) => {
    for (const [name, array] of Object.entries(part.feeds ?? {})) fed[names.fed(i, name)] = array;
  });
  const keptSpecs = keptInputs(spec.kept, rows);
  const packing = packingOf(carried);
  const held = packing.pack(carried);
  const inputs = {...specsOf(held), ...specsOf(read), ...fed, ...batchSpecs, ...keptSpecs};
  const program = await engine.compile(packing.around(buildStep(spec, parts)), inputs, {
    name: 'train',
    key: canonicalJson({train: spec, parts: parts.map(({key}) => key)}),
    constants,
    donate: Object.fromEntries(Object.keys(held).map((name) => [name, name])),
    optional: Object.keys(keptSpecs),
  });
  const kept = features && (await keptBatch(engine, features, program, rows));

  // Carried buffers are written to by later steps, so they start as copies.
  let live: Buffers = upload(engine, held, true);
  const readOnly = upload(engine, read, false);
  let given: Buffers = {};
  const columnOf = new Map(path.classes.map((label, column) => [label, column]));
  const segmentOf = segmentsByTask(path);

  // One batch in host memory, filled anew for every step: it is ours again when its buffers are disposed.
  const images = new Uint8Array(names.images in batchSpecs ? rows * stream.features : 0);
  const columns = new Int32Array(rows);
  const weights = new Float32Array(rows);
  const segments = new Int32Array(rows);
  const batchOf = (
    own: readonly Row[],
    rehearsals: readonly (Rehearsal | undefined)[],
  ): Record<string, DeviceBuffer> => {
    const lists = [own, ...request.rehearsed.map((_, i) => rehearsals[i]?.rows ?? [])];
    const room = [request.batchSize, ...request.rehearsed];
    if (lists.some((list, i) => list.length < room[i]!)) {
      kept?.clear();
      for (const array of [images, columns, segments]) array.fill(0);
    }
    weights.fill(0);
    const place = (list: readonly Row[], start: number): void => {
      if (images.length > 0) fillImages(stream, 'train', list, images, start);
      kept?.place(list, start);
      list.forEach((row, i) => {
        segments[start + i] = segmentOf.get(row.task) ?? 0;
        columns[start + i] = columnIn(path, columnOf, segments[start + i]!, targetOf(stream, 'train', row));
        weights[start + i] = 1;
      });
    };
    let start = 0;
    lists.forEach((list, i) => {
      place(list, start);
      start += room[i]!;
    });
    const sent = parts.flatMap((part, i) =>
      Object.entries(part.feeds ?? {}).map(([name, spec]) => {
        const array = rehearsals[i]?.feeds?.[name] ?? zeros(spec.shape, spec.dtype);
        return [names.fed(i, name), engine.upload(array)] as const;
      }),
    );
    return {
      ...Object.fromEntries(sent),
      ...(images.length > 0
        ? {[names.images]: engine.upload(hostArray(images, [rows, stream.features], 'uint8'))}
        : {}),
      ...kept?.upload(),
      [names.columns]: engine.upload(hostArray(columns, [rows], 'int32')),
      [names.weights]: engine.upload(hostArray(weights, [rows], 'float32')),
      [names.segments]: engine.upload(hostArray(segments, [rows], 'int32')),
    };
  };

  const scalarAt = async (name: string): Promise<number> => (await live[name]!.read()).data[0]!;
  return {
    program,
    step: async (own, rehearsals, noise) => {
      disposeAll(given);
      given = {};
      const batch = batchOf(own, rehearsals);
      try {
        const made = Object.entries(await program.run({...readOnly, ...live, ...batch}, noise));
        live = Object.fromEntries(made.filter(([name]) => name in held));
        given = Object.fromEntries(made.filter(([name]) => !(name in held)));
      } finally {
        disposeAll(batch);
      }
    },
    reads: () =>
      Promise.all(
        parts.map(async (_, i) => {
          const prefix = names.read(i, '');
          const own = Object.entries(given).filter(([name]) => name.startsWith(prefix));
          const arrays = own.map(async ([name, buffer]) => [name.slice(prefix.length), await buffer.read()] as const);
          return Object.fromEntries(await Promise.all(arrays));
        }),
      ),
    sums: async (take) => {
      const loss = await scalarAt(names.lossSum);
      const auxiliary = spec.routed ? await scalarAt(names.auxiliarySum) : null;
      const terms = await Promise.all(parts.map((part, i) => (part.term ? scalarAt(names.termSum(i)) : null)));
      if (take) {
        const zeroed = Object.keys(carried).filter((name) => name.startsWith('sum/'));
        for (const name of zeroed) live[name]!.dispose();
        live = {...live, ...Object.fromEntries(zeroed.map((name) => [name, engine.upload(scalar(0))]))};
      }
      return {loss, auxiliary, terms};
    },
    snapshot: async () => {
      const reading = new Map<string, Promise<HostArray>>();
      const whole = (name: string): Promise<HostArray> => {
        const array = reading.get(name) ?? live[name]!.read();
        reading.set(name, array);
        return array;
      };
      const take = async (name: string) => (await packing.take(name, whole)) as HostArray<'float32'>;
      const parameters: Record<string, HostArray<'float32'>> = {};
      const slots: Record<string, HostArray<'float32'>> = {};
      for (const local of renewed) parameters[at(local)] = await take(names.parameter(local));
      for (const local of trainable) {
        parameters[at(local)] = await take(names.parameter(local));
        for (const {name} of optimizer.slots) slots[slotKey(at(local), name)] = await take(names.slot(local, name));
      }
      const kept = parts.map(async ({carry}, i) => {
        const entries = Object.entries(carry?.names ?? {}).map(
          async ([name, stored]) => [stored, await take(names.carried(i, name))] as const,
        );
        return Object.fromEntries(await Promise.all(entries));
      });
      return {
        network: withParameters(network, parameters),
        optimizerState: {...state, ...slots},
        carried: await Promise.all(kept),
      };
    },
    dispose: () => {
      disposeAll(live);
      disposeAll(given);
      disposeAll(readOnly);
      program.dispose();
    },
  };
}

/** Index on the path of each task's segment. */
export function segmentsByTask(path: Path): ReadonlyMap<number, number> {
  return new Map(path.segments.map((segment, k) => [segment.task ?? -1, k]));
}

// Segments of tasks that share their classes have the same labels, so the row's own segment decides.
function columnIn(path: Path, columnOf: ReadonlyMap<number, number>, segment: number, label: number): number {
  if (path.segments.length <= 1) return columnOf.get(label)!;
  const own = path.segments[segment]!.classes.indexOf(label);
  if (own < 0) return columnOf.get(label)!;
  return offset(path.spec, segment) + own;
}

function offset(spec: PathSpec, segment: number): number {
  return spec.segments.slice(0, segment).reduce((sum, {units}) => sum + units, 0);
}

function specsOf(arrays: Readonly<Record<string, HostArray>>): Record<string, ArraySpec> {
  return Object.fromEntries(Object.entries(arrays).map(([name, {shape, dtype}]) => [name, {shape, dtype}]));
}

function upload(engine: Engine, arrays: Readonly<Record<string, HostArray>>, copy: boolean): Buffers {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [
      name,
      engine.upload(copy ? {...array, data: array.data.slice()} : array),
    ]),
  );
}

function disposeAll(buffers: Buffers): void {
  for (const buffer of Object.values(buffers)) buffer.dispose();
}
