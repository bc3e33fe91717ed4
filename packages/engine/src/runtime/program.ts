import {type ArraySpec, HarnessError, type SeedStream} from '@accrete/kit';
import type {Buffers, Program} from '../engine.ts';
import {capturedChanged} from '../trace/refusal.ts';
import {RuntimeBuffer} from './buffer.ts';
import {checkInputs} from './check.ts';
import {drawNoise} from './noise.ts';
import type {Executable, Runtime} from './runtime.ts';

/** A compiled function and the memory it reuses, shared by all programs of one cache key. */
export interface Compiled<Memory> {
  readonly executable: Executable<Memory>;
  readonly inputs: Readonly<Record<string, ArraySpec>>;
  /** Output name -> input name. */
  readonly donate: Readonly<Record<string, string>>;
  /** Memory of consumed inputs, waiting to become the output of that name. */
  readonly spare: Map<string, Memory[]>;
  readonly compileMs: number;
}

/** What a program needs of its engine. */
export interface ProgramHost<Memory> {
  readonly runtime: Runtime<Memory>;
  readonly buffers: Set<RuntimeBuffer<Memory>>;
  release(program: RuntimeProgram<Memory>): void;
}

/** A holder of a compiled function. */
export class RuntimeProgram<Memory> implements Program {
  readonly name: string;
  readonly cached: boolean;
  readonly compileMs: number;
  readonly #host: ProgramHost<Memory>;
  readonly #compiled: Compiled<Memory>;
  readonly #donated: ReadonlySet<string>;
  #disposed = false;

  constructor(host: ProgramHost<Memory>, compiled: Compiled<Memory>, name: string, cached: boolean) {
    this.name = name;
    this.cached = cached;
    this.compileMs = cached ? 0 : compiled.compileMs;
    this.#host = host;
    this.#compiled = compiled;
    this.#donated = new Set(Object.values(compiled.donate));
  }

  get inputs(): Readonly<Record<string, ArraySpec>> {
    return this.#compiled.inputs;
  }

  get outputs(): Readonly<Record<string, ArraySpec>> {
    return this.#compiled.executable.outputs;
  }

  async run(inputs: Buffers, noise?: SeedStream): Promise<Buffers> {
    const {runtime, buffers} = this.#host;
    const {executable, donate, spare} = this.#compiled;
    if (this.#disposed) throw new HarnessError('E_DISPOSED', `program "${this.name}" was disposed. Compile it again.`);
    if (executable.changed()) throw capturedChanged(this.name);
    checkInputs(this.name, this.inputs, inputs, this.#donated);
    const drawn = Object.fromEntries(executable.noise.map((spec) => [spec.name, drawNoise(spec, this.#stream(noise))]));
    const own = ownBuffers(runtime, inputs);
    // From here to the first await nothing can fail, so a refused run consumes nothing.
    const memory: Record<string, Memory> = {};
    for (const [name, buffer] of Object.entries(own)) if (!this.#donated.has(name)) memory[name] = buffer.borrow();
    for (const name of this.#donated) memory[name] = own[name]!.take();
    const given: Record<string, Memory> = {};
    for (const output of Object.keys(donate)) {
      const held = spare.get(output)?.pop();
      if (held !== undefined) given[output] = held;
    }
    const results = await executable.run(memory, drawn, given);
    for (const [output, input] of Object.entries(donate)) {
      const consumed = memory[input]!;
      if (runtime.reusesMemory && own[input]!.ours) spare.set(output, [...(spare.get(output) ?? []), consumed]);
      else runtime.free(consumed);
    }
    return Object.fromEntries(
      Object.entries(this.outputs).map(([name, spec]) => [
        name,
        new RuntimeBuffer(runtime, buffers, spec, results[name]!, true),
      ]),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#host.release(this);
  }

  #stream(noise: SeedStream | undefined): SeedStream {
    if (noise !== undefined) return noise;
    const names = this.#compiled.executable.noise.map(({name}) => `"${name}"`).join(', ');
    throw new HarnessError(
      'E_SHAPE',
      `program "${this.name}" declares noise ${names}. Pass a stream as second argument of run, such as stream.fork(step).`,
    );
  }
}

function ownBuffers<Memory>(runtime: Runtime<Memory>, inputs: Buffers): Record<string, RuntimeBuffer<Memory>> {
  const own: Record<string, RuntimeBuffer<Memory>> = {};
  for (const [name, buffer] of Object.entries(inputs)) {
    if (!(buffer instanceof RuntimeBuffer) || !buffer.belongsTo(runtime)) {
      throw new HarnessError('E_ENGINE', `input "${name}" is a buffer of another engine. Read it and upload it here.`);
    }
    own[name] = buffer as RuntimeBuffer<Memory>;
  }
  return own;
}
