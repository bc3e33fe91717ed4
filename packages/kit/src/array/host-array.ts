import {createHash} from 'node:crypto';
import {HarnessError} from '../errors/harness-error.ts';

/** Element types that every engine and file format here knows. `bool` is stored as 0 and 1 in a Uint8Array. */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool';

/** The typed array that holds a dtype on the host. */
export type DataOf<D extends DType> = D extends 'float32' ? Float32Array : D extends 'int32' ? Int32Array : Uint8Array;

/** Shape and element type of an array. */
export interface ArraySpec<D extends DType = DType> {
  readonly shape: readonly number[];
  readonly dtype: D;
}

/**
 * A dense, row-major array in host memory: the form in which networks, optimiser slots and batches are stored, hashed and
 * sent. By convention nobody writes into `data` of an array that was handed over; surgery and steps make new ones.
 */
export interface HostArray<D extends DType = DType> extends ArraySpec<D> {
  readonly data: DataOf<D>;
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, 1);
}

/** Bytes per element. */
export function bytesPerElement(dtype: DType): number {
  return dtype === 'float32' || dtype === 'int32' ? 4 : 1;
}

/** Bytes of an array of this spec. */
export function sizeBytes(spec: ArraySpec): number {
  return sizeOf(spec.shape) * bytesPerElement(spec.dtype);
}

const storage = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array} as const;

/** An array of zeros. */
export function zeros<D extends DType = 'float32'>(shape: readonly number[], dtype?: D): HostArray<D> {
  const kind = dtype ?? ('float32' as D);
  return {shape: [...shape], dtype: kind, data: new storage[kind](sizeOf(shape)) as DataOf<D>};
}

/** An array over data that the caller gives up. @throws HarnessError E_SHAPE where the length or the type does not fit. */
export function hostArray<D extends DType>(data: DataOf<D>, shape: readonly number[], dtype: D): HostArray<D> {
  if (!(data instanceof storage[dtype])) {
    throw new HarnessError('E_SHAPE', `${dtype} is held in a ${storage[dtype].name}, got ${data.constructor.name}.`);
  }
  if (data.length !== sizeOf(shape)) {
    throw new HarnessError(
      'E_SHAPE',
      `shape [${shape.join(', ')}] holds ${sizeOf(shape)} elements, got ${data.length}. Give data of that length.`,
    );
  }
  return {shape: [...shape], dtype, data};
}

/** A float32 scalar, shape []. */
export function scalar(value: number): HostArray<'float32'> {
  return {shape: [], dtype: 'float32', data: Float32Array.of(value)};
}

/** The bytes of an array, without a copy. */
export function bytesOf(array: HostArray): Uint8Array {
  return new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
}

/** A view of bytes as an array of a spec; copies only where the bytes are not aligned. */
export function arrayFromBytes<D extends DType>(bytes: Uint8Array, spec: ArraySpec<D>): HostArray<D> {
  const width = bytesPerElement(spec.dtype);
  if (bytes.byteLength !== sizeBytes(spec)) {
    throw new HarnessError(
      'E_SHAPE',
      `[${spec.shape.join(', ')}] ${spec.dtype} takes ${sizeBytes(spec)} bytes, got ${bytes.byteLength}.`,
    );
  }
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes); // A Buffer's slice() does not copy.
  const data = new storage[spec.dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.byteLength / width);
  return {shape: [...spec.shape], dtype: spec.dtype, data: data as DataOf<D>};
}

/** True where dtype, shape and every bit agree (so NaN equals the same NaN, and 0 differs from -0). */
export function bitEqual(a: HostArray, b: HostArray): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((axis, i) => axis === b.shape[i]) &&
    Buffer.compare(bytesOf(a), bytesOf(b)) === 0
  );
}

/**
 * Content hash of named arrays: SHA-256 over names, dtypes, shapes and bytes, in the order of the sorted names.
 *
 * @returns 64 hexadecimal digits; equal exactly where names, specs and bits are equal.
 */
export function contentHash(arrays: Readonly<Record<string, HostArray>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(arrays).sort()) {
    const array = arrays[name]!;
    hash.update(`${JSON.stringify(name)} ${array.dtype} [${array.shape.join(',')}]\n`);
    hash.update(bytesOf(array));
  }
  return hash.digest('hex');
}
