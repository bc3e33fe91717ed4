import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {arrays} from '../arrays.ts';
import type {KernelCase} from './case.ts';

type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

interface Window {
  readonly stride: number | [number, number];
  readonly pad: Pad;
  readonly filter?: readonly [number, number];
  readonly size?: readonly [number, number];
  readonly dilation?: number;
  readonly gradient?: boolean;
}

const tolerance = {relative: 1e-4, absolute: 2e-5};
const explicit: Pad = [
  [0, 0],
  [1, 2],
  [0, 1],
  [0, 0],
];

/** What the tests slide over: filters of one and several cells, strides, paddings, images of one row. */
const windows: Readonly<Record<string, Window>> = {
  'same, stride 1': {stride: 1, pad: 'same'},
  'valid, stride 1': {stride: 1, pad: 'valid'},
  'same, stride 2': {stride: 2, pad: 'same'},
  'valid, stride 2, rows left over': {stride: 2, pad: 'valid', size: [6, 8]},
  'same, stride 3 of filter 2': {stride: 3, pad: 'same', filter: [2, 2], size: [7, 5]},
  'strides 2 and 1': {stride: [2, 1], pad: 'same', filter: [3, 2]},
  'one cell': {stride: 1, pad: 'same', filter: [1, 1]},
  'one cell, stride 2': {stride: 2, pad: 'valid', filter: [1, 1]},
  'even filter, same': {stride: 1, pad: 'same', filter: [2, 4]},
  'padding 1': {stride: 1, pad: 1},
  'padding 2 of filter 3': {stride: 2, pad: 2},
  'explicit padding': {stride: 1, pad: explicit},
  'dilation 2': {stride: 1, pad: 'same', dilation: 2, gradient: false},
  'filter as large as the image': {stride: 1, pad: 'valid', filter: [5, 5], size: [5, 5]},
  'image of one row': {stride: 1, pad: 'same', size: [1, 5]},
};

const channels = fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 4}), fc.integer({min: 1, max: 3}));

function inputs({filter: [fh, fw] = [3, 3], size: [h, w] = [5, 6]}: Window, depthwise: boolean) {
  return channels.chain(([n, c, o]) =>
    fc.tuple(arrays([n, h, w, c]), arrays([fh, fw, c, depthwise ? Math.min(o, 2) : o])),
  ) as fc.Arbitrary<HostArray[]>;
}

const images = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;

/** Cases of the convolutions. Their gradients are kernels of their own, compared through those of the forward pass. */
export const convolutionCases: readonly KernelCase[] = [
  ...Object.entries(windows).flatMap(([label, window]): KernelCase[] => {
    const {stride, pad, dilation = 1, gradient = true} = window;
    const strides = stride as number;
    return [
      {
        kernel: 'Conv2D',
        label,
        inputs: inputs(window, false),
        fn: (x, f) => tf.conv2d(images(x), images(f), strides, pad as 'same', 'NHWC', dilation),
        gradient,
        tolerance,
      },
      {
        kernel: 'DepthwiseConv2dNative',
        label,
        inputs: inputs(window, true),
        fn: (x, f) => tf.depthwiseConv2d(images(x), images(f), strides, pad as 'same', 'NHWC', dilation),
        gradient: typeof stride === 'number' && gradient,
        tolerance,
      },
    ];
  }),
  {
    kernel: 'Conv2DBackpropFilter',
    label: 'more outputs than pixels',
    inputs: fc.tuple(arrays([3, 2, 2, 2]), arrays([3, 3, 2, 6])) as fc.Arbitrary<HostArray[]>,
    fn: (x, f) => tf.conv2d(images(x), images(f), 1, 'same'),
    gradient: true,
    tolerance,
  },
  {
    kernel: 'Conv2DBackpropInput',
    label: 'as tf.conv2dTranspose',
    inputs: fc.tuple(arrays([2, 3, 3, 2]), arrays([3, 3, 4, 2])) as fc.Arbitrary<HostArray[]>,
    fn: (x, f) => tf.conv2dTranspose(images(x), images(f), [2, 6, 6, 4], 2, 'same'),
    tolerance,
  },
  {
    kernel: 'DepthwiseConv2dNativeBackpropInput',
    inputs: inputs(windows['same, stride 2']!, true),
    fn: (x, f) => tf.grad((v) => tf.sum(tf.square(tf.depthwiseConv2d(images(v), images(f), 2, 'same'))))(x!),
    tolerance,
  },
  {
    kernel: 'DepthwiseConv2dNativeBackpropFilter',
    inputs: inputs(windows['same, stride 2']!, true),
    fn: (x, f) => tf.grad((v) => tf.sum(tf.square(tf.depthwiseConv2d(images(x), images(v), 2, 'same'))))(f!),
    tolerance,
  },
  {
    kernel: 'Conv2D',
    label: 'of a chain: bias, activation, addition and mean in between',
    inputs: fc.tuple(arrays([2, 4, 4, 3]), arrays([3, 3, 3, 3]), arrays([3])) as fc.Arbitrary<HostArray[]>,
    fn: (x, f, b) => {
      const layer = (v: tf.Tensor): tf.Tensor => tf.tanh(tf.add(tf.conv2d(images(v), images(f), 1, 'same'), b!));
      const y = tf.add(layer(layer(x!)), x!);
      const centred = tf.sub(y, tf.mean(y, [0, 1, 2]));
      return tf.add(tf.mul(centred, tf.sum(centred, [1, 2], true)), tf.mean(y, -1, true));
    },
    gradient: true,
    tolerance: {relative: 1e-3, absolute: 1e-3},
  },
  ...(['FusedConv2D', 'FusedDepthwiseConv2D'] as const).flatMap((kernel) =>
    (['linear', 'relu', 'leakyrelu', 'prelu'] as const).map(
      (activation): KernelCase => ({
        kernel,
        label: activation,
        inputs: fc.tuple(
          arrays([2, 4, 4, 3]),
          arrays([2, 2, 3, kernel === 'FusedConv2D' ? 3 : 1]),
          arrays([3]),
        ) as fc.Arbitrary<HostArray[]>,
        fn: (x, filter, bias) =>
          tf.fused[kernel === 'FusedConv2D' ? 'conv2d' : 'depthwiseConv2d']({
            x: images(x),
            filter: images(filter),
            strides: 1,
            pad: 'same',
            bias: bias!,
            activation,
            leakyreluAlpha: 0.3,
            ...(activation === 'prelu' ? {preluActivationWeights: bias!} : {}),
          }),
        tolerance,
      }),
    ),
  ),
];
