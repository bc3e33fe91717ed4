import {type ArraySpec, type HostArray, hostArray, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import type {PureFunction} from '../src/index.ts';
import type {GraphNode} from '../src/trace/graph.ts';
import {trace} from '../src/trace/trace.ts';
import {expectClose} from './support/compare.ts';
import {evaluate, useEngine} from './support/engines.ts';

const spec = (...shape: number[]): ArraySpec => ({shape, dtype: 'float32'});
const array = (...shape: number[]): HostArray =>
  hostArray(
    Float32Array.from({length: sizeOf(shape)}, (_, i) => Math.sin(3 * i + shape[0]!)),
    shape,
    'float32',
  );
const nodes = (fn: PureFunction, inputs: Readonly<Record<string, ArraySpec>>): readonly GraphNode[] =>
  trace(fn, inputs).graph.nodes;
const ops = (fn: PureFunction, inputs: Readonly<Record<string, ArraySpec>>): string[] =>
  nodes(fn, inputs).map(({op}) => op);

describe('the lean graph', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');
  const matrices = {p: array(4, 3), a: array(5, 4), b: array(5, 3)};
  const shapes = {p: spec(4, 3), a: spec(5, 4), b: spec(5, 3)};

  const sums: Readonly<Record<string, PureFunction>> = {
    'p - rate * product': ({p, a, b}) => ({y: tf.sub(p!, tf.mul(tf.matMul(a!, b!, true), 0.1))}),
    'product - p': ({p, a, b}) => ({y: tf.sub(tf.matMul(a!, b!, true), p!)}),
    'momentum: 0.9 p + 0.1 product': ({p, a, b}) => ({
      y: tf.add(tf.mul(p!, 0.9), tf.mul(tf.mul(tf.matMul(a!, b!, true), 0.2), 0.5)),
    }),
  };
  for (const [name, fn] of Object.entries(sums)) {
    it(`computes ${name} as one Gemm, of the same value`, async () => {
      expect(ops(fn, shapes)).to.deep.equal(['Gemm']);
      const [actual, expected] = [await evaluate(onnx(), fn, matrices), await evaluate(cpu(), fn, matrices)];
      expectClose(actual['y']!, expected['y']!, {relative: 1e-5, absolute: 1e-6});
    });
  }

  it('leaves a product that something else needs as it is', () => {
    const fn: PureFunction = ({p, a, b}) => {
      const product = tf.matMul(a!, b!, true);
      return {y: tf.sub(p!, product), square: tf.square(product)};
    };
    expect(ops(fn, shapes)).to.deep.equal(['Gemm', 'Sub', 'Mul']);
  });

  it('joins factors that follow one another', () => {
    const list = nodes(({p}) => ({y: tf.mul(tf.mul(tf.mul(p!, 2), 3), 0.5)}), shapes);
    expect(list.map(({op}) => op)).to.deep.equal(['Mul']);
    const [, factor] = list[0]!.inputs;
    expect(factor!.origin.kind === 'constant' && factor!.origin.data[0]).to.equal(3);
  });
});

describe('images', () => {
  const inputs = {x: spec(2, 6, 6, 3), f: spec(3, 3, 3, 3), b: spec(3)};
  const layer = (x: tf.Tensor, f: tf.Tensor, b: tf.Tensor): tf.Tensor =>
    tf.relu(tf.add(tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same'), b));
  const ofImages = (list: readonly GraphNode[]): number =>
    list.filter(({op, inputs: [from]}) => op === 'Transpose' && from!.shape.includes(6)).length;

  it('are transposed once on the way in and once on the way out of a chain of layers', () => {
    const list = nodes(({x, f, b}) => {
      const h = layer(layer(x!, f!, b!), f!, b!);
      return {y: tf.maxPool(tf.add(h, layer(h, f!, b!)) as tf.Tensor4D, 1, 1, 'valid')};
    }, inputs);
    expect(ofImages(list)).to.equal(2);
  });

  it('are transposed once in a whole step with gradients', () => {
    const list = nodes(({x, f, b}) => {
      const loss = (g: tf.Tensor, c: tf.Tensor): tf.Scalar =>
        tf.sum(tf.square(tf.mean(layer(layer(x!, g, c), g, c), [1, 2])));
      const [df, db] = tf.grads(loss as never)([f!, b!]);
      return {df: df!, db: db!};
    }, inputs);
    expect(ofImages(list)).to.equal(1);
  });
});
