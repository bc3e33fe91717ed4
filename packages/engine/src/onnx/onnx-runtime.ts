import {type ArraySpec, HarnessError, type HostArray, messageOf, zeros} from '@accrete/kit';
import {version_core} from '@tensorflow/tfjs-core';
import type {Tensor} from 'onnxruntime-node';
import type {PureFunction} from '../engine.ts';
import type {Executable, Runtime} from '../runtime/runtime.ts';
import type {Value} from '../trace/graph.ts';
import {blocked, laned, simplified} from '../trace/lean/lean.ts';
import {type Trace, trace} from '../trace/trace.ts';
import {inputName, outputName} from './encode.ts';
import {type GraphRun, openLanes, openWhole} from './graph-run.ts';
import {LaneThreads} from './lanes.ts';
import {type Ort, tensorOver} from './session.ts';

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
  readonly #lanes: LaneThreads;

  constructor(ort: Ort, threads: number) {
    this.#ort = ort;
    this.#lanes = new LaneThreads(threads - 1);
    this.threads = threads;
    this.versions = onnxVersions(ort);
  }

  put(array: HostArray): Tensor {
    return tensorOver(this.#ort, array);
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
    const traced = trace(fn, inputs, constants, simplified);
    const lanes = laned(traced.graph, this.threads);
    try {
      const run =
        lanes === undefined
          ? await openWhole(this.#ort, name, blocked(traced.graph, this.threads), this.threads)
          : await openLanes(this.#ort, name, lanes, this.#lanes);
      return new OnnxExecutable(this, name, traced, run);
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

/** A traced function, and the graph that it has become. */
class OnnxExecutable implements Executable<Tensor> {
  readonly outputs: Executable<Tensor>['outputs'];
  readonly noise: Executable<Tensor>['noise'];
  readonly reads: Executable<Tensor>['reads'];
  readonly tensors = 0;
  readonly changed: () => boolean;
  readonly #runtime: OnnxRuntime;
  readonly #name: string;
  readonly #run: GraphRun;
  /** The inputs and noise that the graph still has. */
  readonly #fed: readonly Value[];

  constructor(runtime: OnnxRuntime, name: string, {graph, outputs, noise, changed}: Trace, run: GraphRun) {
    this.#runtime = runtime;
    this.#name = name;
    this.#run = run;
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
    const fetches: Record<string, Tensor> = {};
    for (const [name, {shape, dtype}] of Object.entries(this.outputs)) {
      const memory = spare[name] ?? this.#runtime.put(zeros(shape, dtype));
      results[name] = memory;
      fetches[outputName(name)] = memory;
    }
    try {
      await this.#run.run(feeds, fetches);
    } catch (error) {
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
    await this.#run.release();
  }
}
