import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {arrays} from '../arrays.ts';
import type {KernelCase} from './case.ts';

type Size = number | [number, number];

const tolerance = {relative: 1e-5, absolute: 1e-6};
const images = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;

/** Window, stride, padding, image: apart, overlapping, with elements that no window reaches. */
const windows: readonly (readonly [Size, Size, 'same' | 'valid' | number, [number, number]])[] = [
  [2, 2, 'valid', [4, 6]],
  [2, 2, 'valid', [5, 5]],
  [2, 2, 'same', [5, 3]],
  [3, 1, 'same', [4, 4]],
  [3, 2, 'valid', [7, 5]],
  [3, 2, 1, [6, 6]],
  [[2, 1], [1, 2], 'valid', [3, 4]],
  [2, 3, 'valid', [8, 6]],
  [[4, 3], 1, 'valid', [4, 3]],
  [1, 1, 'valid', [2, 2]],
];

function cases(kernel: 'MaxPool' | 'AvgPool'): KernelCase[] {
  const pool = kernel === 'MaxPool' ? tf.maxPool : tf.avgPool;
  return windows.map(([size, stride, pad, [h, w]]) => ({
    kernel,
    label: `${size} by ${stride}, ${pad}, image ${h} x ${w}`,
    inputs: fc
      .tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3}))
      .chain(([n, c]) => fc.tuple(arrays([n, h, w, c]))) as fc.Arbitrary<HostArray[]>,
    fn: (x) => pool(images(x), size as number, stride as number, pad as 'same'),
    // tfjs's cpu backend divides by the window's size also where part of the window lies outside the image.
    gradient: kernel === 'MaxPool' || pad === 'valid',
    tolerance,
  }));
}

const one = fc.tuple(arrays([2, 4, 4, 3])) as fc.Arbitrary<HostArray[]>;

/** Cases of the pooling kernels and their gradients. */
export const poolingCases: readonly KernelCase[] = [
  ...cases('MaxPool'),
  ...cases('AvgPool'),
  {
    kernel: 'MaxPoolGrad',
    inputs: one,
    fn: (x) => tf.grad((v) => tf.sum(tf.square(tf.maxPool(images(tf.relu(v)), 2, 2, 'same'))))(x!),
    tolerance,
  },
  {
    kernel: 'AvgPoolGrad',
    label: 'same: the share of each window that lies inside',
    inputs: one,
    fn: (x) => tf.grad((v) => tf.sum(tf.square(tf.avgPool(images(v), 3, 1, 'same'))))(x!),
    // The average as a sum over the window divided by the sum of ones.
    reference: (x) =>
      tf.grad((v) => {
        const ones = tf.ones([3, 3, 3, 1]) as tf.Tensor4D;
        const sum = (image: tf.Tensor): tf.Tensor => tf.depthwiseConv2d(images(image), ones, 1, 'same');
        return tf.sum(tf.square(tf.div(sum(v), sum(tf.onesLike(v)))));
      })(x!),
    tolerance: {relative: 1e-4, absolute: 1e-5},
  },
];
