import {type ArraySpec, HarnessError, type HostArray} from '@accrete/kit';
import type {DeviceBuffer} from '../engine.ts';
import type {Runtime} from './runtime.ts';

/** An array on the device of one engine. */
export class RuntimeBuffer<Memory> implements DeviceBuffer {
  readonly spec: ArraySpec;
  /** True where a program made it, so that no one else holds its memory. */
  readonly ours: boolean;
  readonly #runtime: Runtime<Memory>;
  readonly #live: Set<RuntimeBuffer<Memory>>;
  #memory: Memory | undefined;

  constructor(
    runtime: Runtime<Memory>,
    live: Set<RuntimeBuffer<Memory>>,
    spec: ArraySpec,
    memory: Memory,
    ours: boolean,
  ) {
    this.spec = spec;
    this.ours = ours;
    this.#runtime = runtime;
    this.#live = live;
    this.#memory = memory;
    live.add(this);
  }

  get disposed(): boolean {
    return this.#memory === undefined;
  }

  /** True for buffers of this engine. */
  belongsTo(runtime: Runtime<Memory>): boolean {
    return this.#runtime === runtime;
  }

  /** The memory, still owned by this buffer. @throws HarnessError E_DISPOSED */
  borrow(): Memory {
    if (this.#memory === undefined) {
      throw new HarnessError(
        'E_DISPOSED',
        `the buffer [${this.spec.shape.join(', ')}] ${this.spec.dtype} was disposed or donated. Use what the program returned instead.`,
      );
    }
    return this.#memory;
  }

  /** Gives the memory to the caller; the buffer is disposed. @throws HarnessError E_DISPOSED */
  take(): Memory {
    const memory = this.borrow();
    this.#memory = undefined;
    this.#live.delete(this);
    return memory;
  }

  async read(): Promise<HostArray> {
    return this.#runtime.get(this.borrow(), this.spec);
  }

  dispose(): void {
    if (this.#memory !== undefined) this.#runtime.free(this.take());
  }
}
