import {
  type ArraySpec,
  canonicalJson,
  contentHash,
  HarnessError,
  type HostArray,
  hostArray,
  sha256,
} from '@accrete/kit';
import {engine as tfjsEngine} from '@tensorflow/tfjs-core';
import type {CompileOptions, DeviceBuffer, Engine, EngineKind, Program, PureFunction} from '../engine.ts';
import {RuntimeBuffer} from './buffer.ts';
import {checkDonations} from './check.ts';
import {type Compiled, type ProgramHost, RuntimeProgram} from './program.ts';
import type {Runtime} from './runtime.ts';

type Specs = Readonly<Record<string, ArraySpec>>;

/** A compiled function and how many programs hold it. */
interface Shared<Memory> {
  readonly compiled: Promise<Compiled<Memory>>;
  readonly key: string | undefined;
  holders: number;
}

/** Buffers, donation, checks and the program cache: what all engines have in common, over a runtime. */
export class RuntimeEngine<Memory> implements Engine {
  readonly reason: string;
  readonly #runtime: Runtime<Memory>;
  readonly #buffers = new Set<RuntimeBuffer<Memory>>();
  readonly #programs = new Map<RuntimeProgram<Memory>, Shared<Memory>>();
  readonly #cache = new Map<string, Shared<Memory>>();
  /** Native resources being released. */
  readonly #closing = new Set<Promise<void>>();
  #disposed = false;

  constructor(runtime: Runtime<Memory>, reason: string) {
    this.#runtime = runtime;
    this.reason = reason;
  }

  get kind(): EngineKind {
    return this.#runtime.kind;
  }

  get threads(): number {
    return this.#runtime.threads;
  }

  get versions(): Readonly<Record<string, string>> {
    return this.#runtime.versions;
  }

  upload(array: HostArray): DeviceBuffer {
    this.#alive();
    const {data, shape, dtype} = hostArray(array.data, array.shape, array.dtype);
    return new RuntimeBuffer(
      this.#runtime,
      this.#buffers,
      {shape, dtype},
      this.#runtime.put({data, shape, dtype}),
      false,
    );
  }

  async compile(fn: PureFunction, inputs: Specs, options: CompileOptions): Promise<Program> {
    this.#alive();
    const key = options.key === undefined ? undefined : cacheKey(inputs, options, options.key);
    const known = key === undefined ? undefined : this.#cache.get(key);
    const shared: Shared<Memory> = known ?? {compiled: this.#build(fn, inputs, options), key, holders: 0};
    if (key !== undefined) this.#cache.set(key, shared);
    shared.holders++;
    let compiled: Compiled<Memory>;
    try {
      compiled = await shared.compiled;
    } catch (error) {
      if (key !== undefined && this.#cache.get(key) === shared) this.#cache.delete(key);
      throw error;
    }
    const host: ProgramHost<Memory> = {
      runtime: this.#runtime,
      buffers: this.#buffers,
      release: (released) => this.#release(released),
    };
    const program = new RuntimeProgram(host, compiled, options.name, known !== undefined);
    this.#programs.set(program, shared);
    if (this.#disposed) {
      program.dispose();
      this.#alive();
    }
    return program;
  }

  live(): {readonly buffers: number; readonly programs: number; readonly tensors: number} {
    return {
      buffers: this.#buffers.size,
      programs: this.#programs.size,
      tensors: tfjsEngine().state.numTensors,
    };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const program of [...this.#programs.keys()]) program.dispose();
    for (const buffer of [...this.#buffers]) buffer.dispose();
    await Promise.all(this.#closing);
  }

  async #build(fn: PureFunction, inputs: Specs, options: CompileOptions): Promise<Compiled<Memory>> {
    const start = performance.now();
    const {name, constants = {}, donate = {}} = options;
    const doubled = Object.keys(constants).filter((constant) => constant in inputs);
    if (doubled.length > 0) {
      throw new HarnessError('E_DUPLICATE', `program "${name}": ${doubled.join(', ')} both as input and as constant.`);
    }
    const executable = await this.#runtime.prepare(name, fn, inputs, constants);
    try {
      checkDonations(name, donate, inputs, executable.outputs);
    } catch (error) {
      await executable.dispose();
      throw error;
    }
    return {
      executable,
      inputs: {...inputs},
      donate: {...donate},
      spare: new Map(),
      compileMs: performance.now() - start,
    };
  }

  #release(program: RuntimeProgram<Memory>): void {
    const shared = this.#programs.get(program)!;
    this.#programs.delete(program);
    shared.holders--;
    if (shared.holders > 0) return;
    if (shared.key !== undefined) this.#cache.delete(shared.key);
    const closed = shared.compiled.then(async ({executable, spare}) => {
      for (const memory of [...spare.values()].flat()) this.#runtime.free(memory);
      await executable.dispose();
    });
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
  }

  #alive(): void {
    if (this.#disposed) throw new HarnessError('E_DISPOSED', `this ${this.kind} engine was disposed. Create another.`);
  }
}

function cacheKey(inputs: Specs, {constants = {}, donate = {}}: CompileOptions, key: string): string {
  const specs = Object.entries(inputs).map(([name, {shape, dtype}]) => [name, dtype, shape]);
  return sha256(canonicalJson([key, specs, donate, contentHash(constants)]));
}
