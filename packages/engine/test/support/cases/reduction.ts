import * as tf from '@tensorflow/tfjs-core';
import {anyArray, arrays} from '../arrays.ts';
import {type KernelCase, near, run, ulp, unary, whole} from './case.ts';

/** One array, with a list of its axes, some counted from the end. */
type Reduction = (x: tf.Tensor, axes: number[] | undefined, keepDims: boolean) => tf.Tensor;
const reduction = (kernel: string, fn: Reduction, more: Partial<KernelCase> = {}): KernelCase[] => {
  const variants: [number[] | undefined, boolean][] = [
    [undefined, false],
    [[0], false],
    [[-1], true],
    [[0, -1], false],
    [[1], true],
  ];
  return variants.map(([axes, keepDims]) => ({
    kernel,
    label: `axes ${axes === undefined ? 'all' : axes.join()}${keepDims ? ' kept' : ''}`,
    inputs: anyArray('any', 'float32', 2, 3),
    fn: ((x: tf.Tensor) => fn(x, axes, keepDims)) as KernelCase['fn'],
    gradient: true,
    tolerance: {relative: 1e-4, absolute: 1e-5},
    ...more,
  }));
};

/** Cases of the reducing kernels. */
export const reductionCases: readonly KernelCase[] = [
  ...reduction('Sum', tf.sum),
  ...reduction('Mean', tf.mean),
  ...reduction('Max', tf.max),
  ...reduction('Min', tf.min),
  ...reduction('Prod', tf.prod, {gradient: false}),
  {...reduction('Prod', tf.prod)[1]!, label: 'gradient, one axis'},
  whole('Sum', (x) => tf.sum(x)),
  whole('Sum', (x) => tf.sum(x), 'bool'),
  whole('Mean', (x) => tf.mean(x)),
  whole('Max', (x) => tf.max(x)),
  ...reduction('All', (x, axes, keep) => tf.all(tf.greater(x, 0), axes, keep), {gradient: false}),
  ...reduction('Any', (x, axes, keep) => tf.any(tf.greater(x, 1), axes, keep), {gradient: false}),
  ...[0, -1].flatMap((axis) => [
    unary('ArgMax', (x) => tf.argMax(x, axis), 'any', {
      label: `axis ${axis}`,
      inputs: anyArray('any', 'float32', 1, 3),
      gradient: false,
    }),
    unary('ArgMin', (x) => tf.argMin(x, axis), 'any', {
      label: `axis ${axis}`,
      inputs: anyArray('any', 'float32', 1, 3),
      gradient: false,
    }),
  ]),
  {kernel: 'TopK', inputs: arrays([3, 4]).map((x) => [x]), fn: (x) => Object.values(tf.topk(x!, 3))},
  {
    kernel: 'TopK',
    label: 'int32',
    inputs: arrays([3, 4], 'whole', 'int32').map((x) => [x]),
    fn: (x) => Object.values(tf.topk(x!, 2)),
  },
  ...[false, true].flatMap((exclusive) =>
    [false, true].flatMap((reverse) => [
      unary('Cumsum', (x) => tf.cumsum(x, -1, exclusive, reverse), 'any', {
        label: `last axis ${exclusive ? 'exclusive ' : ''}${reverse ? 'reverse' : ''}`,
        inputs: anyArray('any', 'float32', 1, 3),
        tolerance: near,
        gradient: false,
      }),
      unary('Cumprod', (x) => tf.cumprod(x, 1, exclusive, reverse), 'any', {
        label: `middle axis ${exclusive ? 'exclusive ' : ''}${reverse ? 'reverse' : ''}`,
        inputs: anyArray('any', 'float32', 3, 3),
        tolerance: near,
        gradient: false,
      }),
    ]),
  ),
  unary('Softmax', (x) => tf.softmax(x), 'any', {inputs: anyArray('any', 'float32', 1, 3), tolerance: ulp}),
  {
    kernel: 'LogSoftmax',
    inputs: anyArray('any', 'float32', 1, 3),
    fn: (x) => run('LogSoftmax', {logits: x!}, {axis: -1}),
    reference: (x) => tf.logSoftmax(x!),
    tolerance: near,
  },
  unary('LogSoftmax', (x) => tf.logSoftmax(x), 'any', {
    label: 'tf.logSoftmax',
    inputs: anyArray('any', 'float32', 1, 3),
    tolerance: near,
  }),
];
