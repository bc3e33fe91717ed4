import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {anyArray, arrays} from '../arrays.ts';
import {type KernelCase, near, run, samePair, unary, whole} from './case.ts';

const at3 = anyArray('any', 'float32', 3, 3);
const cube = arrays([3, 4, 5]).map((x) => [x]);

/** Cases of the kernels that move elements. */
export const shapeCases: readonly KernelCase[] = [
  unary('Identity', (x) => tf.clone(x)),
  unary('Reshape', (x) => tf.reshape(tf.reshape(x, [-1]), [1, -1]), 'any', {}),
  unary('ExpandDims', (x) => tf.expandDims(x, -1)),
  unary('ExpandDims', (x) => tf.expandDims(x, 1), 'any', {label: 'axis 1', inputs: at3}),
  unary('Cast', (x) => tf.cast(x, 'int32'), 'any', {label: 'to int32', gradient: false}),
  unary('Cast', (x) => tf.cast(x, 'bool'), 'any', {label: 'to bool', gradient: false}),
  whole('Cast', (x) => tf.cast(tf.cast(x, 'int32'), 'float32'), 'bool'),
  ...[
    [2, 0, 1],
    [0, 2, 1],
    [2, 1, 0],
  ].map((perm) => unary('Transpose', (x) => tf.transpose(x, perm), 'any', {label: perm.join(), inputs: at3})),
  unary(
    'Transpose',
    (x) => tf.transpose(tf.exp(tf.transpose(tf.transpose(x, [1, 2, 0]), [1, 0, 2])), [2, 0, 1]),
    'any',
    {label: 'of transposes', inputs: at3},
  ),
  {
    kernel: 'BroadcastTo',
    inputs: arrays([3, 1, 4]).map((x) => [x]),
    fn: (x) => tf.cumsum(run('BroadcastTo', {x: x!}, {shape: [3, 2, 4], inputShape: [3, 1, 4]}), 1),
    reference: (x) => tf.cumsum(tf.tile(x!, [1, 2, 1]), 1),
  },
  unary('Tile', (x) => tf.tile(x, [2, 1, 3]), 'any', {inputs: at3, tolerance: near}),
  unary('Tile', (x) => tf.cumsum(tf.broadcastTo(tf.sum(x, 1, true), [2, ...x.shape]), 1), 'any', {
    label: 'as broadcasting',
    inputs: at3,
    tolerance: near,
    gradient: false,
  }),
  {
    kernel: 'Concat',
    inputs: fc.tuple(arrays([2, 3]), arrays([4, 3])) as fc.Arbitrary<HostArray[]>,
    fn: (a, b) => tf.concat([a!, b!], 0),
    gradient: true,
  },
  {
    kernel: 'Concat',
    label: 'last axis, three',
    inputs: fc.tuple(arrays([2, 3]), arrays([2, 1])) as fc.Arbitrary<HostArray[]>,
    fn: (a, b) => tf.concat([a!, b!, a!], -1),
    gradient: true,
  },
  {kernel: 'Pack', inputs: samePair(), fn: (a, b) => tf.stack([a!, b!, a!], -1), gradient: false},
  {kernel: 'Pack', label: 'gradient', inputs: samePair(), fn: (a, b) => tf.stack([a!, b!], 0), gradient: true},
  {kernel: 'Unpack', inputs: at3, fn: (x) => tf.unstack(x!, 1)},
  unary('Unpack', (x) => tf.unstack(x, -1)[0]!, 'any', {label: 'gradient', inputs: cube}),
  {kernel: 'SplitV', inputs: cube, fn: (x) => tf.split(x!, [1, 3], 1)},
  unary('SplitV', (x) => tf.split(x, 2, 1)[1]!, 'any', {label: 'gradient', inputs: cube}),
  unary('Slice', (x) => tf.slice(x, [1, 0, 2], [2, -1, 2]), 'any', {inputs: cube}),
  unary('Slice', (x) => tf.slice(x, 1, 1), 'any', {label: 'first axis', inputs: cube}),
  ...(
    [
      [
        [0, 1, 0],
        [3, 4, 5],
        [2, 1, 3],
      ],
      [
        [2, 3, 4],
        [-4, 0, -6],
        [-1, -2, -2],
      ],
    ] as const
  ).map(([begin, end, step]) =>
    unary('StridedSlice', (x) => tf.stridedSlice(x, [...begin], [...end], [...step]), 'any', {
      label: step.join(),
      inputs: cube,
      gradient: false,
    }),
  ),
  unary('StridedSlice', (x) => tf.stridedSlice(x, [1, 0, 0], [2, 4, 5], [1, 1, 1], 0, 0, 0, 0, 1), 'any', {
    label: 'an axis shrunk',
    inputs: cube,
    gradient: false,
  }),
  unary('Reverse', (x) => tf.reverse(x, [0, -1]), 'any', {inputs: at3}),
  unary(
    'PadV2',
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
          [1, 1],
        ],
        0.5,
      ),
    'any',
    {inputs: at3},
  ),
  whole('PadV2', (x) => tf.pad(tf.reshape(x, [-1]), [[1, 2]], 1), 'bool'),
];
