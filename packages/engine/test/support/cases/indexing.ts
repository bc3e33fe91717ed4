import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {arrays} from '../arrays.ts';
import {type KernelCase, near} from './case.ts';

/** Cases of the indexing kernels. */
export const indexingCases: readonly KernelCase[] = [
  ...[0, 1].map(
    (axis): KernelCase => ({
      kernel: 'GatherV2',
      label: `axis ${axis}`,
      inputs: fc.tuple(arrays([3, 3, 2]), arrays([2, 2], 'index', 'int32')) as fc.Arbitrary<HostArray[]>,
      fn: (x, i) => tf.gather(x!, i!, axis),
    }),
  ),
  {
    kernel: 'GatherV2',
    label: 'gradient',
    inputs: fc.tuple(arrays([3, 4]), arrays([5], 'index', 'int32')) as fc.Arbitrary<HostArray[]>,
    fn: (x, i) => tf.grad((v) => tf.sum(tf.square(tf.gather(v, i!))))(x!),
    tolerance: near,
  },
  ...[1, 2].map(
    (axis): KernelCase => ({
      kernel: 'GatherV2',
      label: `batches, axis ${axis}`,
      inputs: fc.tuple(arrays([2, 3, 3, 2]), arrays([2, 4], 'index', 'int32')) as fc.Arbitrary<HostArray[]>,
      fn: (x, i) => tf.gather(x!, i!, axis, 1),
    }),
  ),
  {
    kernel: 'UnsortedSegmentSum',
    inputs: fc.tuple(arrays([6, 2, 3]), arrays([6], 'whole', 'int32')) as fc.Arbitrary<HostArray[]>,
    fn: (x, ids) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, 4),
    tolerance: near,
  },
];
