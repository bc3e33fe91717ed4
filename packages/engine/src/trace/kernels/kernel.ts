import type {Emitter, TensorType, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';

/** One call of a tfjs kernel while tracing. */
export interface KernelCall {
  readonly emit: Emitter;
  /** By the names that tfjs gives them; `'0'`, `'1'`, ... where the kernel takes a list. Absent optional ones are left out. */
  readonly inputs: Readonly<Record<string, Traced>>;
  /** As tfjs passes them; each mapping knows the attributes of its kernel. */
  readonly attrs: object;
}

/** How one tfjs kernel becomes graph operations. */
export interface KernelMapping {
  readonly kernel: string;
  /** The operations it may append, for the table of mapped kernels. */
  readonly onnx: string;
  readonly map: (call: KernelCall) => Traced | readonly Traced[];
}

/** Declares a mapping. @param onnx the operations it may append, for the table of mapped kernels. */
export function kernel(name: string, onnx: string, map: KernelMapping['map']): KernelMapping {
  return {kernel: name, onnx, map};
}

/** A scalar constant as an operand. */
export function number(emit: Emitter, value: number, dtype: TensorType = 'float32'): Traced {
  return traced(emit.scalar(value, dtype), dtype);
}
