import {sizeOf} from '@accrete/kit';
import {backend_util} from '@tensorflow/tfjs-core';
import type {Attribute, ConstantData, ElementType, GraphBuilder, GraphNode, Value} from './graph.ts';

/** Element types that a tfjs tensor can have here. */
export type TensorType = 'float32' | 'int32' | 'bool';

/**
 * A tfjs tensor while tracing: a value of the graph, seen under a shape and a type that the value need not have yet.
 *
 * The shape of `value` broadcasts to `shape`; a value of uint8 may be seen as int32. Elementwise kernels work on the value
 * as it is, so what tfjs broadcasts by hand (`tf.zeros`, `tf.ones`, `broadcastTo`) costs nothing unless it is needed whole.
 */
export interface Traced {
  readonly value: Value;
  readonly shape: readonly number[];
  readonly dtype: TensorType;
}

/** A value seen as it is. */
export function traced(value: Value, dtype: TensorType, shape: readonly number[] = value.shape): Traced {
  return {value, dtype, shape};
}

/** The shape of an elementwise result. @throws Error from tfjs where the shapes do not fit. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  return shapes.reduce<number[]>((a, b) => backend_util.assertAndGetBroadcastShape(a, [...b]), []);
}

/** True where the shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

const arrays = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array} as const;

/** Casts from the first type to these lose nothing, so a cast that follows can start from the first type. */
const widenings: Readonly<Partial<Record<ElementType, readonly ElementType[]>>> = {
  bool: ['uint8', 'int32', 'int64', 'float32', 'float64'],
  uint8: ['int32', 'int64', 'float32', 'float64'],
  int32: ['int64', 'float64'],
  float32: ['float64'],
};

/** True where a permutation moves only axes of size 1, which hold no order: the elements stay where they are. */
function keepsOrder(shape: readonly number[], perm: readonly number[]): boolean {
  const moved = perm.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]!);
}

/** Brings an image batch from the layout of ONNX (channels second) to that of tfjs (channels last). */
export const CHANNELS_LAST: readonly number[] = [0, 2, 3, 1];

/** The permutation that undoes another. */
export function inverse(perm: readonly number[]): number[] {
  return perm.map((_, axis) => perm.indexOf(axis));
}

/** Operands of an elementwise operation in one layout, and the way back to the layout in which they came. */
export interface Aligned {
  readonly values: readonly Value[];
  restore(value: Value): Value;
}

/** Appends operations to a graph, leaving out those that would do nothing. */
export class Emitter {
  readonly graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.graph = graph;
  }

  node(
    op: string,
    inputs: readonly Value[],
    dtype: ElementType,
    shape: readonly number[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: GraphNode['domain'] = '',
  ): Value {
    return this.graph.node(op, inputs, [{dtype, shape}], attributes, domain)[0]!;
  }

  /** A constant of shape []. */
  scalar(value: number, dtype: TensorType): Value {
    return this.graph.constant(arrays[dtype].of(value), dtype, []);
  }

  /** A vector of int64, as ONNX takes shapes and axes. */
  ints(values: readonly number[]): Value {
    return this.graph.constant(BigInt64Array.from(values, BigInt), 'int64', [values.length]);
  }

  /** Contents as a constant; where all elements are equal, one of them seen under the whole shape. */
  constant(data: ConstantData, dtype: TensorType, shape: readonly number[]): Traced {
    const first = data[0];
    const uniform = data.length > 1 && data.every((element: number | bigint) => Object.is(element, first));
    const value = uniform
      ? this.graph.constant(data.slice(0, 1), dtype, [])
      : this.graph.constant(data.slice(), dtype, shape);
    return traced(value, dtype, shape);
  }

  /** The value of an operand in the wanted type, its shape as small as it is stored: for elementwise operations. */
  thin(operand: Traced, dtype: ElementType = operand.dtype): Value {
    return this.cast(operand.value, dtype);
  }

  /** The value of an operand in the wanted type and its whole shape. */
  full(operand: Traced, dtype: ElementType = operand.dtype): Value {
    return this.expand(this.thin(operand, dtype), operand.shape);
  }

  cast(value: Value, dtype: ElementType): Value {
    if (value.dtype === dtype) return value;
    const {origin} = value;
    const source = origin.kind === 'node' && origin.node.op === 'Cast' ? origin.node.inputs[0]! : undefined;
    if (source !== undefined && widenings[source.dtype]?.includes(value.dtype)) return this.cast(source, dtype);
    const moved = this.permutation(value);
    if (moved !== undefined) return this.transpose(this.cast(moved.source, dtype), moved.perm);
    return this.node('Cast', [value], dtype, value.shape, {to: dtype});
  }

  expand(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    if (sizeOf(value.shape) === 1 && sizeOf(shape) === 1) return this.reshape(value, shape);
    return this.node('Expand', [value, this.ints(shape)], value.dtype, shape);
  }

  reshape(value: Value, shape: readonly number[]): Value {
    const {origin} = value;
    if (sameShape(value.shape, shape)) return value;
    if (origin.kind === 'constant' && value.dtype !== 'float64' && sizeOf(shape) <= 16) {
      return this.graph.constant(origin.data, value.dtype, shape);
    }
    if (origin.kind === 'node' && origin.node.op === 'Reshape') return this.reshape(origin.node.inputs[0]!, shape);
    return this.node('Reshape', [value, this.ints(shape)], value.dtype, shape, shape.includes(0) ? {allowzero: 1} : {});
  }

  /** A tensor under another shape of the same size. A single number seen under a large shape stays a single number. */
  reshaped(operand: Traced, shape: readonly number[]): Traced {
    const {value, dtype} = operand;
    if (sameShape(operand.shape, shape)) return operand;
    if (sizeOf(value.shape) === 1) return traced(this.reshape(value, []), dtype, shape);
    return traced(this.reshape(this.full(operand), shape), dtype);
  }

  transpose(value: Value, perm: readonly number[]): Value {
    const {origin} = value;
    if (perm.every((axis, i) => axis === i)) return value;
    const shape = perm.map((axis) => value.shape[axis]!);
    if (keepsOrder(value.shape, perm)) return this.reshape(value, shape);
    if (origin.kind === 'node' && origin.node.op === 'Transpose') {
      const before = origin.node.attributes['perm'] as readonly number[];
      return this.transpose(
        origin.node.inputs[0]!,
        perm.map((axis) => before[axis]!),
      );
    }
    return this.node('Transpose', [value], value.dtype, shape, {perm});
  }

  /** A value in reverse order along some axes. */
  reversed(value: Value, axes: readonly number[]): Value {
    const along = axes.filter((axis) => value.shape[axis]! > 1);
    if (along.length === 0) return value;
    const starts = along.map((axis) => value.shape[axis]! - 1);
    const ends = along.map((axis) => -(value.shape[axis]! + 1));
    const ranges = [starts, ends, along, along.map(() => -1)].map((list) => this.ints(list));
    return this.node('Slice', [value, ...ranges], value.dtype, value.shape);
  }

  /** An operand with its axes permuted, whole; what is stored small is permuted before it is expanded. */
  permuted(operand: Traced, perm: readonly number[], dtype: ElementType = operand.dtype): Value {
    const value = this.ranked(this.thin(operand, dtype), perm.length);
    return this.expand(
      this.transpose(value, perm),
      perm.map((axis) => operand.shape[axis]!),
    );
  }

  /** Where a value is another one transposed: that one, and how. */
  permutation({origin}: Value): {readonly source: Value; readonly perm: readonly number[]} | undefined {
    if (origin.kind !== 'node' || origin.node.op !== 'Transpose') return undefined;
    return {source: origin.node.inputs[0]!, perm: origin.node.attributes['perm'] as readonly number[]};
  }

  /**
   * Operands that broadcast, freed of a transpose that they share: so that it comes after the operation instead, where it
   * meets the opposite one or nothing needs it. The layout of images is worth a transpose of the operands that lack it.
   */
  align(values: readonly Value[]): Aligned {
    const rank = Math.max(0, ...values.map(({shape}) => shape.length));
    const lead = values.map((value) => this.permutation(value)).find((moved) => moved?.perm.length === rank);
    const asIs: Aligned = {values, restore: (value) => value};
    if (lead === undefined) return asIs;
    const {perm} = lead;
    const back = inverse(perm);
    const ranked = values.map((value) => (sizeOf(value.shape) === 1 ? value : this.ranked(value, rank)));
    const free = (value: Value): boolean =>
      sizeOf(value.shape) === 1 ||
      keepsOrder(value.shape, back) ||
      sameShape(this.permutation(value)?.perm ?? [], perm);
    if (!sameShape(perm, CHANNELS_LAST) && !ranked.every(free)) return asIs;
    return {
      values: ranked.map((value) => (sizeOf(value.shape) === 1 ? value : this.transpose(value, back))),
      restore: (value) => this.transpose(this.ranked(value, rank), perm),
    };
  }

  /** A value with axes of size 1 in front, up to a rank. */
  ranked(value: Value, rank: number): Value {
    return this.reshape(value, [...new Array<number>(Math.max(0, rank - value.shape.length)).fill(1), ...value.shape]);
  }

  /**
   * An elementwise operation on operands that broadcast.
   *
   * @param compute the type in which it computes; operands are cast to it.
   * @param result the type of the result; `yields` is the type that the operation itself yields.
   */
  elementwise(
    op: string,
    operands: readonly Traced[],
    compute: ElementType,
    result: TensorType,
    attributes: Readonly<Record<string, Attribute>> = {},
    yields: ElementType = compute,
  ): Traced {
    const {values, restore} = this.align(operands.map((operand) => this.thin(operand, compute)));
    const stored = broadcastShape(values.map(({shape}) => shape));
    const value = this.cast(restore(this.node(op, values, yields, stored, attributes)), result);
    return traced(value, result, broadcastShape(operands.map(({shape}) => shape)));
  }
}
