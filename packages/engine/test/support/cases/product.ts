import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {arrays, shapes} from '../arrays.ts';
import {type KernelCase, near} from './case.ts';

const products = [false, true].flatMap((ta) => [false, true].map((tb) => [ta, tb] as const));
const matrices = (ta: boolean, tb: boolean, batch: readonly number[]): fc.Arbitrary<HostArray[]> =>
  shapes(3, 3).chain(([m, k, n]) =>
    fc.tuple(arrays([...batch, ...(ta ? [k!, m!] : [m!, k!])]), arrays([...batch, ...(tb ? [n!, k!] : [k!, n!])])),
  ) as fc.Arbitrary<HostArray[]>;

/** Cases of the matrix products. */
export const productCases: readonly KernelCase[] = [
  ...products.flatMap(([ta, tb]) =>
    [[], [1], [3], [2, 3]].map(
      (batch) =>
        ({
          kernel: 'BatchMatMul',
          label: `${ta ? 'a transposed ' : ''}${tb ? 'b transposed ' : ''}batch [${batch.join()}]`,
          inputs: matrices(ta, tb, batch),
          fn: (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, ta, tb),
          gradient: true,
          tolerance: near,
        }) as KernelCase,
    ),
  ),
  {
    kernel: 'BatchMatMul',
    label: 'one b for all batches',
    inputs: fc.tuple(arrays([2, 3, 4]), arrays([4, 2])) as fc.Arbitrary<HostArray[]>,
    fn: (a, b) => tf.matMul(a!, b!),
    tolerance: near,
  },
  {
    kernel: 'BatchMatMul',
    label: 'int32',
    inputs: fc.tuple(arrays([3, 2], 'whole', 'int32'), arrays([3, 4], 'whole', 'int32')) as fc.Arbitrary<HostArray[]>,
    fn: (a, b) => tf.matMul(a!, b!, true),
  },
  ...(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const).map(
    (activation): KernelCase => ({
      kernel: '_FusedMatMul',
      label: activation,
      inputs: fc.tuple(arrays([3, 4]), arrays([4, 2]), arrays([2]), arrays([2])) as fc.Arbitrary<HostArray[]>,
      fn: (a, b, bias, alpha) =>
        tf.fused.matMul({
          a: a!,
          b: b!,
          bias: bias!,
          activation,
          leakyreluAlpha: 0.3,
          ...(activation === 'prelu' ? {preluActivationWeights: alpha!} : {}),
        }),
      tolerance: near,
    }),
  ),
  {
    kernel: 'Einsum',
    inputs: fc.tuple(arrays([2, 3, 4]), arrays([2, 4, 3])) as fc.Arbitrary<HostArray[]>,
    fn: (a, b) => tf.einsum('bij,bjk->bik', a!, b!),
    tolerance: near,
  },
];
