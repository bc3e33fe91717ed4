import {type ArraySpec, type DType, sizeBytes} from '@accrete/kit';
import type {InferenceSession, Tensor} from 'onnxruntime-node';
import type {Graph, Value} from '../trace/graph.ts';
import type {Lanes} from '../trace/lean/lanes.ts';
import {bytesIn} from './bytes.ts';
import {encodeGraph, inputName, outputName} from './encode.ts';
import type {LaneThreads, Place} from './lanes.ts';
import {emptyTensor, type Ort, openSession, runInto} from './session.ts';

/** Tensors by the names that they have in the file of a graph. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A graph made ready to run. */
export interface GraphRun {
  /** @param feeds what it reads, and maybe more; @param results memory for what it puts out. */
  run(feeds: Tensors, results: Tensors): Promise<void>;
  release(): Promise<void>;
}

/** A graph as one session. @throws Error where ONNX Runtime does not take it. */
export async function openWhole(ort: Ort, name: string, graph: Graph, threads: number): Promise<GraphRun> {
  const session = await openSession(ort, encodeGraph(graph, name), threads);
  return {
    run: (feeds, results) => runInto(session, fedTo(graph, feeds), results),
    release: () => session.release(),
  };
}

/**
 * A graph whose batch is dealt out to threads: each computes its lane in a session of its own, the main thread the first of them,
 * and then what follows. Between threads arrays go through shared memory. Sums are added in the order of the lanes, so that the
 * same number of threads gives the same bits.
 *
 * @throws Error where ONNX Runtime does not take it, or a thread cannot be started.
 */
export async function openLanes(ort: Ort, name: string, lanes: Lanes, threads: LaneThreads): Promise<GraphRun> {
  const {lane, rest, count} = lanes;
  const inputs = placed(lane.inputs.map((value) => ({name: inputName(value), spec: specOf(value)})));
  const named = Object.entries(lane.outputs).map(([i, value]) => ({name: outputName(i), spec: specOf(value)}));
  const outputs = placed(named, inputs.end);
  const memory = Array.from({length: count - 1}, () => new SharedArrayBuffer(outputs.end));
  const model = encodeGraph(lane, name);
  const program = threads.hold();
  const load = threads.ask((thread) => ({
    kind: 'load',
    program,
    model,
    memory: memory[thread]!,
    inputs: inputs.places,
    outputs: outputs.places,
  }));
  const opening = [openSession(ort, model, 1), openSession(ort, encodeGraph(rest, `${name}, rest`), count)];
  // All have ended before anything is given up: what one of them throws is thrown, and the others leave nothing behind.
  const [loaded, ...opened] = await Promise.allSettled([load, ...opening]);
  const sessions = opened.flatMap((end) => (end.status === 'fulfilled' ? [end.value as InferenceSession] : []));
  const failed = [loaded!, ...opened].find((end) => end.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(sessions.map((session) => session.release()));
    await threads.release();
    throw failed.reason;
  }
  const [own, after] = sessions as [InferenceSession, InferenceSession];
  /** What the lanes put out. */
  const made = Array.from({length: count}, () => outputs.places.map(({spec}) => emptyTensor(ort, spec)));
  const ofLanes = Object.fromEntries(
    made.flatMap((tensors, k) => tensors.map((tensor, i) => [`lane/${k}/${i}`, tensor])),
  );
  const split = new Set(lanes.split.map(inputName));
  const results = Object.fromEntries(outputs.places.map((place, i) => [place.name, made[0]![i]!]));

  async function runOnce(feeds: Tensors, into: Tensors): Promise<void> {
    for (const [thread, shared] of memory.entries()) {
      const bytes = new Uint8Array(shared);
      for (const place of inputs.places) {
        const from = split.has(place.name) ? (thread + 1) * place.length : 0;
        bytes.set(bytesIn(feeds[place.name]!).subarray(from, from + place.length), place.offset);
      }
    }
    const others = threads.ask(() => ({kind: 'run', program}));
    const fed = inputs.places.map(({name, spec}) => {
      const whole = feeds[name]!;
      return [name, split.has(name) ? firstRows(ort, whole, spec) : whole] as const;
    });
    const mine = runInto(own, Object.fromEntries(fed), results);
    // Memory is free again only when all are done, whatever became of them.
    const ends = await Promise.allSettled([mine, others]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    for (const [thread, shared] of memory.entries()) {
      const bytes = new Uint8Array(shared);
      for (const [i, {offset, length}] of outputs.places.entries()) {
        bytesIn(made[thread + 1]![i]!).set(bytes.subarray(offset, offset + length));
      }
    }
    await runInto(after, fedTo(rest, {...feeds, ...ofLanes}), into);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    run(feeds, into) {
      // One after the other, as all runs use the same memory.
      const run = last.then(() => runOnce(feeds, into));
      last = run.catch(() => {});
      return run;
    },
    async release() {
      await last;
      await threads.ask(() => ({kind: 'unload', program})).catch(() => {}); // A thread that has ended holds nothing.
      await Promise.all(sessions.map((session) => session.release()));
      await threads.release();
    },
  };
}

/** What a graph reads, of all that there is. */
function fedTo(graph: Graph, feeds: Tensors): Tensors {
  return Object.fromEntries(
    graph.inputs.map((value) => {
      const name = inputName(value);
      return [name, feeds[name]!];
    }),
  );
}

/** Places begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/** Places for arrays, one after the other. */
function placed(
  arrays: readonly {readonly name: string; readonly spec: ArraySpec}[],
  start = 0,
): {readonly places: readonly Place[]; readonly end: number} {
  let end = start;
  const places = arrays.map(({name, spec}) => {
    const place = {name, spec, offset: end, length: sizeBytes(spec)};
    end += Math.ceil(place.length / ALIGNMENT) * ALIGNMENT;
    return place;
  });
  return {places, end};
}

function specOf({shape, dtype}: Value): ArraySpec {
  return {shape, dtype: dtype as DType};
}

function firstRows(ort: Ort, {data}: Tensor, {shape, dtype}: ArraySpec): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return new ort.Tensor(dtype, (data as Float32Array).subarray(0, size) as never, shape);
}
