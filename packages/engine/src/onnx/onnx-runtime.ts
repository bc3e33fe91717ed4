import {type ArraySpec, HarnessError, type HostArray, messageOf, zeros} from '@accrete/kit';
import {version_core} from '@tensorflow/tfjs-core';
import type {InferenceSession, Tensor} from 'onnxruntime-node';
import type {PureFunction} from '../engine.ts';
import type {Executable, Runtime} from '../runtime/runtime.ts';
import type {Value} from '../trace/graph.ts';
import {lean} from '../trace/lean/lean.ts';
import {type Trace, trace} from '../trace/trace.ts';
import {encodeGraph, inputName, leadingOutput, outputName} from './encode.ts';

type Ort = typeof import('onnxruntime-node');

/** What onnxruntime-node says after a run, on its way to make JavaScript arrays of the outputs, about one that is a sequence. */
const SEQUENCE_REFUSED = 'Non tensor type is temporarily not supported.';

/** Loads ONNX Runtime. @throws HarnessError E_ENGINE where its native library cannot be loaded. */
export async function loadOnnx(): Promise<Ort> {
  try {
    const ort = await import('onnxruntime-node');
    ort.env.logLevel = 'error';
    return ort;
  } catch (error) {
    throw new HarnessError(
      'E_ENGINE',
      `engine "onnx": onnxruntime-node has no library for ${process.platform} ${process.arch} that loads (${messageOf(error)}). Use createEngine({kind: 'wasm'}), or a platform that it ships.`,
      {},
      error,
    );
  }
}

/** Version of ONNX Runtime. */
export function onnxVersions(ort: Ort): Readonly<Record<string, string>> {
  return {'onnxruntime-node': ort.env.versions.node ?? ort.env.versions.common, 'tfjs-core': version_core};
}

/** Functions traced into ONNX graphs, run by ONNX Runtime on the CPU. An array is a tensor over a typed array. */
export class OnnxRuntime implements Runtime<Tensor> {
  readonly kind = 'onnx';
  readonly reusesMemory = true;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly #ort: Ort;

  constructor(ort: Ort, threads: number) {
    this.#ort = ort;
    this.threads = threads;
    this.versions = onnxVersions(ort);
  }

  put({data, shape, dtype}: HostArray): Tensor {
    return new this.#ort.Tensor(dtype, data as never, shape);
  }

  async get(memory: Tensor, {dtype, shape}: ArraySpec): Promise<HostArray> {
    return {dtype, shape, data: (memory.data as HostArray['data']).slice()};
  }

  free(): void {
    // The typed array goes with the last reference to it.
  }

  async prepare(
    name: string,
    fn: PureFunction,
    inputs: Readonly<Record<string, ArraySpec>>,
    constants: Readonly<Record<string, HostArray>>,
  ): Promise<Executable<Tensor>> {
    const traced = trace(fn, inputs, constants, (graph) => lean(graph, this.threads));
    const session = await this.#session(name, encodeGraph(traced.graph, name));
    return new OnnxExecutable(this, name, traced, session);
  }

  async #session(name: string, model: Uint8Array): Promise<InferenceSession> {
    try {
      return await this.#ort.InferenceSession.create(model, {
        executionProviders: ['cpu'],
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        intraOpNumThreads: this.threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        // Threads wait for the next node awake, for a millisecond at most. Asleep, two of them take a sixth to a third longer for a
        // step, as each node wakes them anew; awake without end, they take the processor from other programs and the host's own work.
        extra: {session: {intra_op: {allow_spinning: '1', spin_duration_us: '1000'}}},
      });
    } catch (error) {
      throw new HarnessError(
        'E_ENGINE',
        `ONNX Runtime does not take the graph of program "${name}": ${messageOf(error)}. This is a fault of the kernel mappings; an eager engine such as createEngine({kind: 'wasm'}) runs it meanwhile.`,
        {},
        error,
      );
    }
  }
}

/**
 * A session whose outputs all have memory of their own before it runs.
 *
 * onnxruntime-node 1.30 makes an array of its own of every output after a run, and copies the values into it, even of those that
 * were given memory to be written to; for a training step that is all parameters, every step, and garbage at once. It does so in
 * order, and refuses a sequence: with an empty one in front, the run ends in that refusal when all outputs are written and before
 * any is copied. A step of an MLP of 270,000 parameters takes an eighth less time so. A version that takes sequences, or copies no
 * more, runs the same files to their ordinary end.
 */
class OnnxExecutable implements Executable<Tensor> {
  readonly outputs: Executable<Tensor>['outputs'];
  readonly noise: Executable<Tensor>['noise'];
  readonly reads: Executable<Tensor>['reads'];
  readonly tensors = 0;
  readonly changed: () => boolean;
  readonly #runtime: OnnxRuntime;
  readonly #name: string;
  readonly #session: InferenceSession;
  /** The inputs and noise that the graph still has. */
  readonly #fed: readonly Value[];

  constructor(runtime: OnnxRuntime, name: string, {graph, outputs, noise, changed}: Trace, session: InferenceSession) {
    this.#runtime = runtime;
    this.#name = name;
    this.#session = session;
    this.#fed = graph.inputs;
    this.reads = new Set(graph.inputs.flatMap(({origin}) => (origin.kind === 'input' ? [origin.name] : [])));
    this.outputs = outputs;
    this.noise = noise;
    this.changed = changed;
  }

  async run(
    inputs: Readonly<Record<string, Tensor>>,
    noise: Readonly<Record<string, HostArray>>,
    spare: Readonly<Record<string, Tensor>>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const feeds: Record<string, Tensor> = {};
    for (const value of this.#fed) {
      const {origin} = value;
      if (origin.kind === 'input') feeds[inputName(value)] = inputs[origin.name]!;
      if (origin.kind === 'noise') feeds[inputName(value)] = this.#runtime.put(noise[origin.name]!);
    }
    const results: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor | null> = {[leadingOutput]: null};
    for (const [name, {shape, dtype}] of Object.entries(this.outputs)) {
      const memory = spare[name] ?? this.#runtime.put(zeros(shape, dtype));
      results[name] = memory;
      fetches[outputName(name)] = memory;
    }
    try {
      await this.#session.run(feeds, fetches);
    } catch (error) {
      if (messageOf(error) === SEQUENCE_REFUSED) return results;
      throw new HarnessError(
        'E_ENGINE',
        `program "${this.#name}" failed in ONNX Runtime: ${messageOf(error)}`,
        {},
        error,
      );
    }
    return results;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}
