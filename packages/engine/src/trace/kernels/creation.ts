import type {FillAttrs, LinSpaceAttrs, OneHotAttrs, RangeAttrs} from '@tensorflow/tfjs-core';
import {util} from '@tensorflow/tfjs-core';
import type {Emitter, TensorType, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import {unknownType} from '../refusal.ts';
import {compare, select} from './binary.ts';
import {type KernelCall, type KernelMapping, kernel, number} from './kernel.ts';

/** One number seen under a whole shape. */
function filled(emit: Emitter, shape: readonly number[], value: number, dtype: TensorType): Traced {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') throw unknownType(dtype);
  return traced(emit.scalar(value, dtype), dtype, shape);
}

/** The numbers of tf.range, added up step by step in their dtype as tfjs does. */
function range({emit, attrs}: KernelCall): Traced {
  const {start, stop, step, dtype} = attrs as RangeAttrs;
  const descending = stop < start;
  const empty = start === stop || (start < stop && step < 0) || (descending && step > 1);
  const data = dtype === 'int32' ? new Int32Array(sizeOfRange()) : new Float32Array(sizeOfRange());
  const by = descending && step === 1 ? -1 : step;
  for (let i = 0; i < data.length; i++) data[i] = i === 0 ? start : data[i - 1]! + by;
  return emit.constant(data, dtype === 'int32' ? 'int32' : 'float32', [data.length]);

  function sizeOfRange(): number {
    return empty ? 0 : Math.abs(Math.ceil((stop - start) / step));
  }
}

function linSpace({emit, attrs}: KernelCall): Traced {
  const {start, stop, num} = attrs as LinSpaceAttrs;
  const step = num > 1 ? (stop - start) / (num - 1) : 0;
  const data = new Float32Array(num);
  for (let i = 0; i < num; i++) data[i] = i === 0 ? start : data[i - 1]! + step;
  return emit.constant(data, 'float32', [num]);
}

/** A comparison with 0 .. depth - 1, so that indices out of range give a row of off values as in tfjs. */
function oneHot({emit, inputs, attrs}: KernelCall): Traced {
  const indices = inputs['indices']!;
  const {depth, onValue, offValue, dtype} = attrs as OneHotAttrs;
  const type = (dtype ?? 'int32') as TensorType;
  const column = emit.reshaped(indices, [...indices.shape, 1]);
  const classes = traced(
    emit.graph.constant(
      Int32Array.from({length: depth}, (_, i) => i),
      'int32',
      [depth],
    ),
    'int32',
  );
  const hit = compare(emit, 'Equal', column, classes);
  if (onValue === 1 && offValue === 0) return traced(emit.thin(hit, type), type, hit.shape);
  return select(emit, hit, number(emit, onValue, type), number(emit, offValue, type));
}

/** Kernels that make tensors from numbers. */
export const creationKernels: readonly KernelMapping[] = [
  kernel('Fill', 'none', ({emit, attrs}) => {
    const {shape, value, dtype} = attrs as FillAttrs;
    return filled(emit, shape, Number(value), (dtype ?? util.inferDtype(value)) as TensorType);
  }),
  kernel('ZerosLike', 'none', ({emit, inputs}) => filled(emit, inputs['x']!.shape, 0, inputs['x']!.dtype)),
  kernel('OnesLike', 'none', ({emit, inputs}) => filled(emit, inputs['x']!.shape, 1, inputs['x']!.dtype)),
  kernel('Range', 'none', range),
  kernel('LinSpace', 'none', linSpace),
  kernel('OneHot', 'Equal, Cast; Where', oneHot),
];
