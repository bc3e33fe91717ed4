import type {ArraySpec} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {countOperations, type PureFunction} from '../src/index.ts';

const floats = (...shape: number[]): ArraySpec => ({shape, dtype: 'float32'});
const image = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

describe('the count of operations', () => {
  const cases: Readonly<Record<string, {fn: PureFunction; inputs: Record<string, ArraySpec>; count: number}>> = {
    'a linear layer with a bias: two for each weight': {
      fn: ({x, w, b}) => ({y: tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b!))}),
      inputs: {x: floats(1, 784), w: floats(784, 256), b: floats(256)},
      count: 2 * 784 * 256,
    },
    'a product of transposed matrices': {
      fn: ({x, w}) => ({y: tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, true, true)}),
      inputs: {x: floats(5, 3), w: floats(7, 5)},
      count: 2 * 3 * 5 * 7,
    },
    'attention scores of 4 heads over 6 positions of width 8': {
      fn: ({q, k}) => ({y: tf.matMul(q as tf.Tensor3D, k as tf.Tensor3D, false, true)}),
      inputs: {q: floats(4, 6, 8), k: floats(4, 6, 8)},
      count: 2 * 4 * 6 * 6 * 8,
    },
    'a convolution with stride: two for each weight at each of the places': {
      fn: ({x, w}) => ({y: tf.conv2d(image(x), image(w), 2, 'same')}),
      inputs: {x: floats(1, 9, 9, 3), w: floats(3, 3, 3, 16)},
      count: 2 * 5 * 5 * 16 * 3 * 3 * 3,
    },
    'a depthwise convolution: one channel in for each out': {
      fn: ({x, w}) => ({y: tf.depthwiseConv2d(image(x), image(w), 1, 'valid')}),
      inputs: {x: floats(1, 8, 8, 4), w: floats(3, 3, 4, 2)},
      count: 2 * 6 * 6 * 8 * 3 * 3,
    },
    'a transposed convolution: two for each weight at each place of its input': {
      fn: ({x, w}) => ({y: tf.conv2dTranspose(image(x), image(w), [1, 10, 10, 3], 2, 'same')}),
      inputs: {x: floats(1, 5, 5, 16), w: floats(3, 3, 3, 16)},
      count: 2 * 5 * 5 * 16 * 3 * 3 * 3,
    },
    'an Einstein sum': {
      fn: ({a, b}) => ({y: tf.einsum('bi,mij->bmj', a!, b!)}),
      inputs: {a: floats(2, 3), b: floats(4, 3, 5)},
      count: 2 * 2 * 3 * 4 * 5,
    },
    'elementwise work and sums: none': {
      fn: ({x}) => ({y: tf.sum(tf.exp(tf.mul(x!, 2)))}),
      inputs: {x: floats(10, 10)},
      count: 0,
    },
  };
  for (const [name, {fn, inputs, count}] of Object.entries(cases)) {
    it(name, () => expect(countOperations(fn, inputs)).to.equal(count));
  }

  it('grows with the batch, and refuses what cannot be traced', () => {
    const layer: PureFunction = ({x, w}) => ({y: tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)});
    const at = (rows: number) => countOperations(layer, {x: floats(rows, 3), w: floats(3, 4)});
    expect(at(10)).to.equal(10 * at(1));
    expect(() => countOperations(({x}) => ({y: tf.scalar(x!.dataSync()[0]!)}), {x: floats(1)})).to.throw(/E_TRACE/);
  });
});
