import * as tf from '@tensorflow/tfjs-core';
import {anyArray} from '../arrays.ts';
import {type KernelCase, near, unary} from './case.ts';

const at3 = anyArray('any', 'float32', 3, 3);

/** Cases of the kernels that make tensors. */
export const creationCases: readonly KernelCase[] = [
  unary('Fill', (x) => tf.add(tf.fill(x.shape, 0.3), x)),
  unary('ZerosLike', (x) => tf.cumsum(tf.zerosLike(x), 0), 'any', {inputs: at3, gradient: false}),
  unary('OnesLike', (x) => tf.cumsum(tf.onesLike(x), 1), 'any', {inputs: at3, gradient: false}),
  ...(
    [
      [0, 5, 1],
      [5, 0, 1],
      [1, 2, 0.3],
      [3, -2, -1.5],
    ] as const
  ).map(([start, stop, step]) =>
    unary('Range', (x) => tf.add(tf.sum(x), tf.range(start, stop, step)), 'any', {
      label: `${start} to ${stop} by ${step}`,
      tolerance: near,
      gradient: false,
    }),
  ),
  unary('Range', (x) => tf.add(tf.sum(tf.cast(x, 'int32')), tf.range(0, 4, 1, 'int32')), 'any', {
    label: 'int32',
    gradient: false,
  }),
  unary('LinSpace', (x) => tf.add(tf.sum(x), tf.linspace(0, 1, 7)), 'any', {tolerance: near, gradient: false}),
  {kernel: 'OneHot', inputs: anyArray('whole', 'int32', 0, 2), fn: (x) => tf.oneHot(x!, 4)},
  {
    kernel: 'OneHot',
    label: 'on and off',
    inputs: anyArray('whole', 'int32', 0, 2),
    fn: (x) => tf.oneHot(x!, 3, 0.9, 0.05, 'float32'),
  },
];
