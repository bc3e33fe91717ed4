import {
  type BackendValues,
  type DataId,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
  Variable,
} from '@tensorflow/tfjs-core';
import type {Emitter, TensorType, Traced} from './emitter.ts';
import type {ConstantData} from './graph.ts';
import type {KernelMapping} from './kernels/kernel.ts';
import {activeOps, randomNumbers, refusal, unknownType, valueRead} from './refusal.ts';

const random = /^(rand|random[A-Z]\w*|truncatedNormal|dropout|multinomial)$/;

/** A tensor of another backend as it was when it became a constant. */
interface Captured {
  readonly dataId: DataId;
  readonly home: KernelBackend;
  readonly values: BackendValues;
}

interface Entry {
  readonly traced: Traced;
  references: number;
}

/** A tfjs backend that records: its tensors stand for values of a graph, and its kernels append operations. */
export class TraceBackend extends KernelBackend {
  readonly #emit: Emitter;
  readonly #entries = new Map<DataId, Entry>();
  /** Tensors of other backends that became constants, so that one captured tensor is one constant. */
  readonly #captured = new Map<DataId, Traced>();
  readonly #outside: Captured[] = [];
  /** The first value read that could not be refused on the spot, because tfjs reads it asynchronously. */
  asyncRead: Error | undefined;

  constructor(emit: Emitter) {
    super();
    this.#emit = emit;
  }

  /** A tensor that stands for a value of the graph. */
  wrap(traced: Traced): TensorInfo {
    const dataId: DataId = {};
    this.#entries.set(dataId, {traced, references: 1});
    return {dataId, shape: [...traced.shape], dtype: traced.dtype};
  }

  /** What a tensor stands for; a tensor of another backend becomes a constant and stays where it is. */
  unwrap(tensor: TensorInfo): Traced {
    const {dataId, shape, dtype} = tensor;
    if (tensor instanceof Variable) throw variableUsed(tensor.name);
    const entry = this.#entries.get(dataId);
    // Tensors that share their data may differ in shape.
    if (entry !== undefined) return this.#emit.reshaped(entry.traced, shape);
    let constant = this.#captured.get(dataId);
    if (constant === undefined) {
      const home = engine().state.tensorInfo.get(dataId)?.backend;
      if (home === undefined || home instanceof TraceBackend) {
        throw refusal(
          'outside',
          'the traced function uses a tensor of an earlier trace, or one that was disposed. Pass it as an input or a constant.',
        );
      }
      const values = home.readSync(dataId);
      constant = this.#constant(values, shape, dtype);
      this.#outside.push({dataId, home, values: values.slice()});
      this.#captured.set(dataId, constant);
    }
    return this.#emit.reshaped(constant, shape);
  }

  /** A question to ask later: whether a tensor of another backend, still there, holds other values than when it was used. */
  watch(): () => boolean {
    const outside = [...this.#outside];
    return () =>
      outside.some(({dataId, home, values}) => {
        if (engine().state.tensorInfo.get(dataId)?.backend !== home) return false;
        const now = home.readSync(dataId);
        return values.some((value, i) => !Object.is(value, now[i]));
      });
  }

  /** Runs the mapping of a kernel on the tensors that tfjs hands it. */
  call(mapping: KernelMapping, inputs: Readonly<Record<string, TensorInfo | undefined>>, attrs: object): TensorInfo[] {
    const operands: Record<string, Traced> = {};
    for (const [name, tensor] of Object.entries(inputs)) {
      if (tensor !== undefined && tensor !== null) operands[name] = this.unwrap(tensor);
    }
    const results = mapping.map({emit: this.#emit, inputs: operands, attrs});
    return (Array.isArray(results) ? (results as readonly Traced[]) : [results as Traced]).map((t) => this.wrap(t));
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const op = activeOps().find((name) => random.test(name));
    if (op !== undefined) throw randomNumbers(op);
    return this.wrap(this.#constant(values, shape, dtype)).dataId;
  }

  override readSync(dataId: DataId): BackendValues {
    const entry = this.#entries.get(dataId);
    const origin = entry?.traced.value.origin;
    if (entry === undefined || origin?.kind !== 'constant') throw valueRead();
    const {shape} = entry.traced;
    const size = shape.reduce((product, axis) => product * axis, 1);
    const data = origin.data as Float32Array;
    return data.length === size ? data.slice() : new Float32Array(size).fill(data[0]!);
  }

  override read(): Promise<BackendValues> {
    // Rejecting would surface as an unhandled rejection of a promise inside tfjs; `trace` throws this instead.
    this.asyncRead ??= valueRead();
    return new Promise(() => {});
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const entry = this.#entries.get(dataId);
    if (entry === undefined) return true;
    entry.references--;
    if (!force && entry.references > 0) return false;
    return this.#entries.delete(dataId);
  }

  override incRef(dataId: DataId): void {
    const entry = this.#entries.get(dataId);
    if (entry !== undefined) entry.references++;
  }

  override refCount(dataId: DataId): number {
    return this.#entries.get(dataId)?.references ?? 0;
  }

  /** True where a tensor is of this trace. */
  owns(dataId: DataId): boolean {
    return this.#entries.has(dataId);
  }

  override numDataIds(): number {
    return this.#entries.size;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): {unreliable: boolean} {
    return {unreliable: true};
  }

  override dispose(): void {
    this.#entries.clear();
    this.#captured.clear();
  }

  #constant(values: BackendValues, shape: readonly number[], dtype: DataType): Traced {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
      throw unknownType(dtype);
    }
    return this.#emit.constant(typed(values, dtype), dtype, shape);
  }
}

/** The refusal of a variable. */
export function variableUsed(name: string): Error {
  return refusal(
    'variable',
    `the traced function uses tf.Variable "${name}"; its value of this moment would be frozen in. Pass it as an input and return its new value as an output.`,
    {variable: name},
  );
}

function typed(values: BackendValues, dtype: TensorType): ConstantData {
  const kind = {float32: Float32Array, int32: Int32Array, bool: Uint8Array}[dtype];
  return values instanceof kind ? values : kind.from(values as ArrayLike<number>);
}
