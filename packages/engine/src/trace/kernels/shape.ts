import {sizeOf} from '@accrete/kit';
import type {
  BroadCastToAttrs,
  CastAttrs,
  ConcatAttrs,
  ExpandDimsAttrs,
  PackAttrs,
  PadV2Attrs,
  ReshapeAttrs,
  ReverseAttrs,
  SliceAttrs,
  SplitVAttrs,
  StridedSliceAttrs,
  TileAttrs,
  TransposeAttrs,
  UnpackAttrs,
} from '@tensorflow/tfjs-core';
import {backend_util, slice_util, upcastType, util} from '@tensorflow/tfjs-core';
import type {Emitter, TensorType, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {type KernelCall, type KernelMapping, kernel} from './kernel.ts';

const axisOf = (axis: number, shape: readonly number[]): number => util.parseAxisParam(axis, [...shape])[0]!;

function slice(emit: Emitter, value: Value, begin: readonly number[], size: readonly number[]): Value {
  const axes = size.flatMap((length, axis) => (length === value.shape[axis] ? [] : [axis]));
  if (axes.length === 0) return value;
  const starts = axes.map((axis) => begin[axis]!);
  const ends = axes.map((axis) => begin[axis]! + size[axis]!);
  return emit.node('Slice', [value, emit.ints(starts), emit.ints(ends), emit.ints(axes)], value.dtype, size);
}

/** Every `step`-th element from `starts` on; a negative step walks back, as far as the first element where `ends` is below 0. */
function strided(
  emit: Emitter,
  value: Value,
  axes: readonly number[],
  ranges: {starts: readonly number[]; ends: readonly number[]; steps: readonly number[]},
  shape: readonly number[],
): Value {
  const ends = ranges.ends.map((end, i) => (ranges.steps[i]! < 0 && end < 0 ? -(value.shape[axes[i]!]! + 1) : end));
  const inputs = [value, ...[ranges.starts, ends, axes, ranges.steps].map((list) => emit.ints(list))];
  return emit.node('Slice', inputs, value.dtype, shape);
}

function stridedSlice({emit, inputs, attrs}: KernelCall): Traced {
  const x = inputs['x']!;
  const {begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask} =
    attrs as StridedSliceAttrs;
  const masks = [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] as const;
  const info = slice_util.sliceInfo([...x.shape], begin, end, strides, ...masks);
  const value = emit.full(x);
  if (info.isIdentity) return traced(emit.reshape(value, info.finalShape), x.dtype);
  const axes = x.shape.map((_, axis) => axis);
  // An empty range counts as -0 there.
  const shape = slice_util.computeOutShape(info.begin, info.end, info.strides).map((size) => size + 0);
  const ranges = {starts: info.begin, ends: info.end, steps: info.strides};
  return traced(
    emit.reshape(
      strided(emit, value, axes, ranges, shape),
      info.finalShape.map((size) => size + 0),
    ),
    x.dtype,
  );
}

function reverse({emit, inputs, attrs}: KernelCall): Traced {
  const x = inputs['x']!;
  const dims = (attrs as ReverseAttrs).dims;
  const axes = x.shape.length === 0 ? [] : util.parseAxisParam(dims, [...x.shape]);
  if (axes.length === 0) return x;
  const ranges = {starts: axes.map((axis) => x.shape[axis]! - 1), ends: axes.map(() => -1), steps: axes.map(() => -1)};
  return traced(strided(emit, emit.full(x), axes, ranges, x.shape), x.dtype);
}

function concat(emit: Emitter, operands: readonly Traced[], along: number): Traced {
  const dtype = operands.map((x) => x.dtype).reduce((a, b) => upcastType(a, b) as TensorType);
  const axis = axisOf(along, operands[0]!.shape);
  backend_util.assertParamsConsistent(
    operands.map((x) => [...x.shape]),
    axis,
  );
  const shape = backend_util.computeOutShape(
    operands.map((x) => [...x.shape]),
    axis,
  );
  const filled = operands.filter((x) => sizeOf(x.shape) > 0);
  if (filled.length === 0) return traced(emit.scalar(0, dtype), dtype, shape);
  const values = filled.map((x) => emit.full(x, dtype));
  return traced(values.length === 1 ? values[0]! : emit.node('Concat', values, dtype, shape, {axis}), dtype, shape);
}

/** Equal or listed parts along an axis; of what was put together of just these, they themselves. */
function split(emit: Emitter, x: Traced, axis: number, sizes: readonly number[]): readonly Value[] {
  const value = emit.full(x);
  if (sizes.length === 1) return [value];
  const together = value.origin.kind === 'node' ? value.origin.node : undefined;
  if (together?.op === 'Concat' && together.attributes['axis'] === axis) {
    const parts = together.inputs;
    if (parts.length === sizes.length && parts.every(({shape}, i) => shape[axis] === sizes[i])) return parts;
  }
  const results = sizes.map((size) => ({dtype: value.dtype, shape: x.shape.map((n, i) => (i === axis ? size : n))}));
  return emit.graph.node('Split', [value, emit.ints(sizes)], results, {axis});
}

function tile({emit, inputs, attrs}: KernelCall): Traced {
  const x = inputs['x']!;
  const {reps} = attrs as TileAttrs;
  const shape = x.shape.map((size, axis) => size * reps[axis]!);
  // Repeating an axis of size 1 is broadcasting.
  if (x.shape.every((size, axis) => size === 1 || reps[axis] === 1)) return traced(x.value, x.dtype, shape);
  return traced(emit.node('Tile', [emit.full(x), emit.ints(reps)], x.dtype, shape), x.dtype);
}

function pad({emit, inputs, attrs}: KernelCall): Traced {
  const x = inputs['x']!;
  const {paddings, constantValue} = attrs as PadV2Attrs;
  const shape = x.shape.map((size, axis) => paddings[axis]![0] + size + paddings[axis]![1]);
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const type = x.dtype === 'bool' ? 'int32' : x.dtype;
  const pads = emit.ints([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  const value = emit.node('Pad', [emit.full(x, type), pads, emit.scalar(constantValue, type)], type, shape);
  return traced(emit.cast(value, x.dtype), x.dtype);
}

function pack({emit, inputs, attrs}: KernelCall): Traced {
  const operands = Object.values(inputs);
  const rank = operands[0]!.shape.length;
  const {axis} = attrs as PackAttrs;
  for (const {shape, dtype} of operands) {
    util.assertShapesMatch(
      [...operands[0]!.shape],
      [...shape],
      'All tensors passed to stack must have matching shapes',
    );
    util.assert(dtype === operands[0]!.dtype, () => 'All tensors passed to stack must have matching dtypes');
  }
  const at = axis < 0 ? axis + rank + 1 : axis;
  return concat(
    emit,
    operands.map((x) => emit.reshaped(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])),
    at,
  );
}

function unpack({emit, inputs, attrs}: KernelCall): readonly Traced[] {
  const x = inputs['value']!;
  const axis = axisOf((attrs as UnpackAttrs).axis, x.shape);
  const shape = x.shape.filter((_, i) => i !== axis);
  const parts = split(emit, x, axis, new Array<number>(x.shape[axis]!).fill(1));
  return parts.map((part) => traced(emit.reshape(part, shape), x.dtype));
}

/** Kernels that move elements, or see them under another shape or type. */
export const shapeKernels: readonly KernelMapping[] = [
  kernel('Identity', 'none', ({inputs}) => inputs['x']!),
  kernel('Reshape', 'Reshape', ({emit, inputs, attrs}) => {
    const x = inputs['x']!;
    return emit.reshaped(x, util.inferFromImplicitShape((attrs as ReshapeAttrs).shape, sizeOf(x.shape)));
  }),
  kernel('ExpandDims', 'Reshape', ({emit, inputs, attrs}) => {
    const x = inputs['input']!;
    const {dim} = attrs as ExpandDimsAttrs;
    const at = dim < 0 ? x.shape.length + dim + 1 : dim;
    util.assert(
      at >= 0 && at <= x.shape.length,
      () => `Axis must be in the interval [${-(x.shape.length + 1)}, ${x.shape.length}]`,
    );
    return emit.reshaped(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
  }),
  kernel('Cast', 'Cast', ({emit, inputs, attrs}) => {
    const x = inputs['x']!;
    const dtype = (attrs as CastAttrs).dtype as TensorType;
    return dtype === x.dtype ? x : traced(emit.thin(x, dtype), dtype, x.shape);
  }),
  kernel('Transpose', 'Transpose', ({emit, inputs, attrs}) => {
    const x = inputs['x']!;
    return traced(emit.transpose(emit.full(x), (attrs as TransposeAttrs).perm), x.dtype);
  }),
  kernel('BroadcastTo', 'Expand', ({inputs, attrs}) => {
    const x = inputs['x']!;
    return traced(x.value, x.dtype, (attrs as BroadCastToAttrs).shape);
  }),
  kernel('Tile', 'Expand, Tile', tile),
  kernel('Concat', 'Concat', ({emit, inputs, attrs}) =>
    concat(emit, Object.values(inputs), (attrs as ConcatAttrs).axis),
  ),
  kernel('Pack', 'Reshape, Concat', pack),
  kernel('Unpack', 'Split, Reshape', unpack),
  kernel('SplitV', 'Split', ({emit, inputs, attrs}) => {
    const x = inputs['x']!;
    const {numOrSizeSplits, axis} = attrs as SplitVAttrs;
    const along = axisOf(axis, x.shape);
    const sizes = backend_util.prepareSplitSize({shape: [...x.shape]} as never, numOrSizeSplits, along);
    return split(emit, x, along, sizes).map((part) => traced(part, x.dtype));
  }),
  kernel('Slice', 'Slice', ({emit, inputs, attrs}) => {
    const x = inputs['x']!;
    const {begin, size} = attrs as SliceAttrs;
    const [from, length] = slice_util.parseSliceParams(
      {shape: [...x.shape], rank: x.shape.length} as never,
      begin,
      size,
    );
    slice_util.assertParamsValid({shape: [...x.shape], rank: x.shape.length} as never, from!, length!);
    return traced(slice(emit, emit.full(x), from!, length!), x.dtype);
  }),
  kernel('StridedSlice', 'Slice, Reshape', stridedSlice),
  kernel('Reverse', 'Slice', reverse),
  kernel('PadV2', 'Pad', pad),
];
