import {sizeOf} from '@accrete/kit';
import type {_FusedMatMulAttrs, BatchMatMulAttrs, EinsumAttrs} from '@tensorflow/tfjs-core';
import {backend_util, util} from '@tensorflow/tfjs-core';
import type {Emitter, Traced} from '../emitter.ts';
import {broadcastShape, traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {activated} from './activation.ts';
import {binary} from './binary.ts';
import {type KernelCall, type KernelMapping, kernel} from './kernel.ts';

const swapLast = (emit: Emitter, value: Value): Value => {
  const order = value.shape.map((_, i) => i);
  order.push(...order.splice(-2).reverse());
  return emit.transpose(value, order);
};

/**
 * a b, with either transposed in its last two axes. Leading axes broadcast.
 *
 * Two matrices become MatMul, or Gemm where one is transposed: both are what ONNX Runtime fuses with the addition and the
 * activation that follow. Batches become MatMul or its transposing variant FusedMatMul.
 */
function product(emit: Emitter, a: Traced, b: Traced, transposeA: boolean, transposeB: boolean): Traced {
  const dtype = a.dtype === 'float32' || b.dtype === 'float32' ? 'float32' : 'int32';
  const inner = [a.shape.at(transposeA ? -2 : -1), b.shape.at(transposeB ? -1 : -2)];
  util.assert(
    a.shape.length >= 2 && b.shape.length >= 2 && inner[0] === inner[1],
    () =>
      `Error in matMul: inner shapes (${inner.join(') and (')}) of Tensors with shapes [${a.shape}] and [${b.shape}] must match`,
  );
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const batch = broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const shape = [...batch, rows, columns];
  const flat = sizeOf(batch) === 1;
  const operand = (x: Traced): Value => {
    const value = emit.full(x, dtype);
    return flat ? emit.reshape(value, x.shape.slice(-2)) : value;
  };
  let [left, right] = [operand(a), operand(b)];
  const whole = flat ? [rows, columns] : shape;
  let result: Value;
  if (dtype === 'int32') {
    if (transposeA) left = swapLast(emit, left);
    if (transposeB) right = swapLast(emit, right);
    result = emit.node('MatMul', [left, right], dtype, whole);
  } else if (!transposeA && !transposeB) {
    result = emit.node('MatMul', [left, right], dtype, whole);
  } else {
    const flags = {transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0};
    result = flat
      ? emit.node('Gemm', [left, right], dtype, whole, flags)
      : emit.node('FusedMatMul', [left, right], dtype, whole, flags, 'com.microsoft');
  }
  return traced(emit.reshape(result, shape), dtype);
}

function fused({emit, inputs, attrs}: KernelCall): Traced {
  const {transposeA, transposeB, activation, leakyreluAlpha} = attrs as _FusedMatMulAttrs;
  const {bias, preluActivationWeights: alpha} = inputs;
  let result = product(emit, inputs['a']!, inputs['b']!, transposeA, transposeB);
  if (bias !== undefined) result = binary(emit, 'Add', result, bias);
  return activated(emit, activation, result, alpha, leakyreluAlpha);
}

function einsum({emit, inputs, attrs}: KernelCall): Traced {
  const operands = Object.values(inputs);
  const {equation} = attrs as EinsumAttrs;
  const {allDims, idDims} = backend_util.decodeEinsumEquation(equation, operands.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, operands.map(({shape}) => ({shape: [...shape]})) as never);
  const [terms, result] = equation.replaceAll(' ', '').split('->') as [string, string];
  const sizes = new Map<string, number>();
  for (const [at, term] of terms.split(',').entries()) {
    for (const [axis, letter] of [...term].entries()) sizes.set(letter, operands[at]!.shape[axis]!);
  }
  const dtype = operands.some((x) => x.dtype === 'float32') ? 'float32' : 'int32';
  const values = operands.map((x) => emit.full(x, dtype));
  return traced(
    emit.node(
      'Einsum',
      values,
      dtype,
      [...result].map((letter) => sizes.get(letter)!),
      {equation},
    ),
    dtype,
  );
}

/** Matrix products. */
export const productKernels: readonly KernelMapping[] = [
  kernel('BatchMatMul', 'MatMul, Gemm, FusedMatMul', ({emit, inputs, attrs}) => {
    const {transposeA, transposeB} = attrs as BatchMatMulAttrs;
    return product(emit, inputs['a']!, inputs['b']!, transposeA, transposeB);
  }),
  kernel('_FusedMatMul', 'MatMul, Gemm, FusedMatMul, Add', fused),
  kernel('Einsum', 'Einsum', einsum),
];
