import {type HostArray, hostArray, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expectClose} from './support/compare.ts';
import {evaluate, useEngine} from './support/engines.ts';

const array = (...shape: number[]): HostArray =>
  hostArray(
    Float32Array.from({length: sizeOf(shape)}, (_, i) => Math.sin(i + 1)),
    shape,
    'float32',
  );
const images = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;

/** Operations on arrays without elements, which an empty batch or task gives. */
const cases: Readonly<Record<string, readonly [HostArray[], (...x: tf.Tensor[]) => tf.Tensor]>> = {
  relu: [[array(0, 3)], (x) => tf.relu(x!)],
  'add with broadcasting': [[array(0, 3), array(3)], (x, b) => tf.add(x!, b!)],
  'sum to nothing': [[array(0, 3)], (x) => tf.sum(x!, 1)],
  'sum of nothing': [[array(0, 3)], (x) => tf.sum(x!, 0)],
  'matMul of no rows': [[array(0, 3), array(3, 2)], (a, b) => tf.matMul(a!, b!)],
  'matMul over nothing': [[array(2, 0), array(0, 3)], (a, b) => tf.matMul(a!, b!)],
  reshape: [[array(0, 4)], (x) => tf.reshape(x!, [2, 0, 2])],
  transpose: [[array(2, 0, 3)], (x) => tf.transpose(x!, [2, 0, 1])],
  concat: [[array(0, 3), array(2, 3)], (a, b) => tf.concat([a!, b!])],
  'concat of nothing': [[array(0, 3), array(0, 3)], (a, b) => tf.concat([a!, b!])],
  slice: [[array(3, 2)], (x) => tf.slice(x!, [1, 0], [0, 2])],
  softmax: [[array(0, 3)], (x) => tf.softmax(x!)],
  gather: [[array(3, 2)], (x) => tf.gather(x!, tf.tensor1d([], 'int32'))],
  conv2d: [[array(0, 4, 4, 2), array(3, 3, 2, 3)], (x, f) => tf.conv2d(images(x!), images(f!), 1, 'same')],
  maxPool: [[array(0, 4, 4, 2)], (x) => tf.maxPool(images(x!), 2, 2, 'valid')],
};

describe('arrays without elements', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');

  for (const [name, [arrays, fn]] of Object.entries(cases)) {
    it(`${name}, with its gradient`, async () => {
      const inputs = Object.fromEntries(arrays.map((x, i) => [`x${i}`, x]));
      const run = (record: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> => {
        const xs = Object.values(record);
        const gradients = tf.grads((...t) => tf.sum(tf.square(fn(...t))))(xs);
        return {y: fn(...xs), ...Object.fromEntries(gradients.map((g, i) => [`dx${i}`, g]))};
      };
      const [actual, expected] = [await evaluate(onnx(), run, inputs), await evaluate(cpu(), run, inputs)];
      for (const key of Object.keys(expected)) {
        expectClose(actual[key]!, expected[key]!, {relative: 1e-5, absolute: 1e-6}, key);
      }
    });
  }
});
