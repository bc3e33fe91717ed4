import type {GatherV2Attrs, UnsortedSegmentSumAttrs} from '@tensorflow/tfjs-core';
import {backend_util, util} from '@tensorflow/tfjs-core';
import type {Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import {compare, select} from './binary.ts';
import {type KernelCall, type KernelMapping, kernel, number} from './kernel.ts';

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

function gather({emit, inputs, attrs}: KernelCall): Traced {
  const [x, indices] = [inputs['x']!, inputs['indices']!];
  const {axis, batchDims} = attrs as GatherV2Attrs;
  const at = util.parseAxisParam(axis, [...x.shape])[0]!;
  const shared = batchDims ?? 0;
  backend_util.segment_util.collectGatherOpShapeInfo(
    {shape: [...x.shape], rank: x.shape.length} as never,
    {shape: [...indices.shape], rank: indices.shape.length} as never,
    at,
    shared,
  );
  const shape = [...x.shape.slice(0, at), ...indices.shape.slice(shared), ...x.shape.slice(at + 1)];
  const [data, where] = [emit.full(x), emit.full(indices, 'int32')];
  if (shared === 0) return traced(emit.node('Gather', [data, where], x.dtype, shape, {axis: at}), x.dtype);
  // Batches apart: every element of the result names its row, so indices are repeated over what lies outside and inside.
  const batch = product(x.shape.slice(0, shared));
  const outer = product(x.shape.slice(shared, at));
  const inner = product(x.shape.slice(at + 1));
  const count = product(indices.shape.slice(shared));
  const spread = emit.expand(emit.reshape(where, [batch, 1, count, 1]), [batch, outer, count, inner]);
  const flat = emit.reshape(data, [batch, outer, x.shape[at]!, inner]);
  const found = emit.node('GatherElements', [flat, spread], x.dtype, [batch, outer, count, inner], {axis: 2});
  return traced(emit.reshape(found, shape), x.dtype);
}

/** Rows added up by segment, in the order of the rows whatever the number of threads. Rows of no segment are left out. */
function segmentSum({emit, inputs, attrs}: KernelCall): Traced {
  const [x, ids] = [inputs['x']!, inputs['segmentIds']!];
  const {numSegments} = attrs as UnsortedSegmentSumAttrs;
  const rest = x.shape.slice(1);
  const shape = [numSegments, ...rest];
  const column = emit.reshaped(ids, [x.shape[0]!, ...rest.map(() => 1)]);
  const known = emit.elementwise(
    'And',
    [
      compare(emit, 'GreaterOrEqual', column, number(emit, 0, 'int32')),
      compare(emit, 'Less', column, number(emit, numSegments, 'int32')),
    ],
    'bool',
    'bool',
  );
  const type = x.dtype === 'float32' ? 'float32' : 'int32';
  const rows = select(emit, known, x, number(emit, 0, type));
  const target = select(emit, known, column, number(emit, 0, 'int32'));
  const positions = emit.expand(emit.full(target), x.shape);
  const zeros = emit.expand(emit.scalar(0, type), shape);
  const inputsOfScatter = [zeros, positions, emit.full(rows, type)];
  return traced(emit.node('ScatterElements', inputsOfScatter, type, shape, {axis: 0, reduction: 'add'}), type);
}

/** Kernels that pick or collect rows by index. */
export const indexingKernels: readonly KernelMapping[] = [
  kernel('GatherV2', 'Gather; GatherElements', gather),
  kernel('UnsortedSegmentSum', 'Where, ScatterElements', segmentSum),
];
