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

describe('the lean graph of', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');
  const x = array(12, 5);
  const special = hostArray(Float32Array.of(-2, -0, 0, 1e-30, 0.5, 3, Number.POSITIVE_INFINITY, -1e30), [8], 'float32');

  async function expectLean(
    fn: PureFunction,
    inputs: Readonly<Record<string, HostArray>>,
    expected: readonly string[],
  ): Promise<void> {
    const specs = Object.fromEntries(Object.entries(inputs).map(([name, {shape, dtype}]) => [name, {shape, dtype}]));
    expect(ops(fn, specs)).to.deep.equal(expected);
    const [actual, reference] = [await evaluate(onnx(), fn, inputs), await evaluate(cpu(), fn, inputs)];
    for (const [name, value] of Object.entries(reference)) {
      expectClose(actual[name]!, value, {relative: 1e-5, absolute: 1e-6}, name);
    }
  }

  it('all parts of a split, put together again, is what was split', async () => {
    const parts = (x: tf.Tensor | undefined, axis = 1) => tf.split(x!, [1, 3, 1], axis) as tf.Tensor[];
    await expectLean(({x}) => ({y: tf.square(tf.concat(parts(x), 1))}), {x}, ['Mul']);
    await expectLean(({x}) => ({y: tf.square(tf.stack(tf.unstack(x!, 1), 1))}), {x}, ['Mul']);
    const list = array(7);
    await expectLean(({list}) => ({y: tf.square(tf.stack(tf.unstack(list!)))}), {list}, ['Mul']);
    // Not of some, nor in another order, nor along another axis.
    const stays = ['Split', 'Concat'];
    await expectLean(({x}) => ({y: tf.concat(parts(x).slice(0, 2), 1)}), {x}, stays);
    await expectLean(({x}) => ({y: tf.concat(parts(x).reverse(), 1)}), {x}, stays);
    await expectLean(({x}) => ({y: tf.concat(tf.split(x!, 2, 0), 1)}), {x}, stays);
  });

  it('a log-softmax spelled out is LogSoftmax', async () => {
    await expectLean(({x}) => ({y: tf.sub(x!, tf.logSumExp(x!, -1, true))}), {x}, ['LogSoftmax']);
    const {length} = ops(({x}) => ({y: tf.sub(x!, tf.logSumExp(x!, 0, true))}), {x: spec(12, 5)});
    expect(length, 'over rows it is none').to.be.greaterThan(4);
    const other: PureFunction = ({x, z}) => ({y: tf.sub(z!, tf.logSumExp(x!, -1, true))});
    expect(ops(other, {x: spec(12, 5), z: spec(12, 5)}), 'of another tensor').to.not.include('LogSoftmax');
  });

  it('softmax cross-entropy and its gradient over 16 examples has one sum, no sign of its own and no division', async () => {
    const labels = hostArray(
      Int32Array.from({length: 16}, (_, i) => i % 5),
      [16],
      'int32',
    );
    const fn: PureFunction = ({x, y}) => {
      const {value, grads} = tf.valueAndGrads((logits) => tf.losses.softmaxCrossEntropy(tf.oneHot(y!, 5), logits!))([
        x!,
      ]);
      return {value, dx: grads[0]!};
    };
    const all = 'Reshape Equal LogSoftmax Cast Mul ReduceSum Mul Exp Sub Mul'.split(' ');
    await expectLean(fn, {x: array(16, 5), y: labels}, all);
  });

  it('the gradient of relu is a step and a product', async () => {
    const fn: PureFunction = ({x, dy}) => ({dx: tf.grad((v) => tf.relu(v))(x!, dy!)});
    const dy = hostArray(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [8], 'float32');
    await expectLean(fn, {x: special, dy}, ['Relu', 'HardSigmoid', 'Mul']);
    expect(
      ops(({x}) => ({y: tf.step(x!)}), {x: spec(8)}),
      'tf.step is exact',
    ).to.include('Ceil');
  });

  const gelu = (v: tf.Tensor): tf.Tensor => tf.mul(tf.mul(v, 0.5), tf.add(tf.erf(tf.mul(v, Math.SQRT1_2)), 1));

  it('gelu is Gelu', async () => {
    await expectLean(({x}) => ({y: gelu(x!)}), {x}, ['Gelu']);
    const steeper: PureFunction = ({x}) => ({y: tf.mul(tf.mul(x!, 0.5), tf.add(tf.erf(tf.mul(x!, 0.8)), 1))});
    expect(ops(steeper, {x: spec(12, 5)})).to.not.include('Gelu');
    const two: PureFunction = ({x, z}) => ({y: tf.mul(tf.mul(z!, 0.5), tf.add(tf.erf(tf.mul(x!, Math.SQRT1_2)), 1))});
    expect(ops(two, {x: spec(12, 5), z: spec(12, 5)})).to.not.include('Gelu');
  });

  it('a gelu between products, with its gradient, takes nine operations: all numbers went into the products', async () => {
    const fn: PureFunction = ({x, v, w}) => {
      const loss = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.matMul(gelu(tf.matMul(x!, a)) as tf.Tensor2D, b);
      const [dv, dw] = tf.grads(loss)([v!, w!], tf.onesLike(tf.matMul(x!, tf.matMul(v!, w!))));
      return {dv: dv!, dw: dw!, y: loss(v!, w!)};
    };
    const arrays = {x, v: array(5, 4), w: array(4, 3)};
    const specs = {x: spec(12, 5), v: spec(5, 4), w: spec(4, 3)};
    const elementwise = ops(fn, specs).filter((op) => !['MatMul', 'Gemm', 'Expand'].includes(op));
    expect(elementwise.sort()).to.deep.equal('Add Add Erf Exp Mul Mul Mul Mul Sub'.split(' '));
    const [actual, expected] = [await evaluate(onnx(), fn, arrays), await evaluate(cpu(), fn, arrays)];
    for (const name of ['dv', 'dw', 'y'])
      expectClose(actual[name]!, expected[name]!, {relative: 1e-5, absolute: 1e-5}, name);
  });

  it('the gradient of a bias is a product with ones', async () => {
    await expectLean(({x}) => ({y: tf.sum(x!, 0)}), {x}, ['MatMul']);
    await expectLean(({x}) => ({y: tf.sum(x!, [0, 1])}), {x: array(3, 4, 5)}, ['Reshape', 'MatMul']);
    await expectLean(({x}) => ({y: tf.sum(x!, 1)}), {x}, ['ReduceSum']);
    await expectLean(({x}) => ({y: tf.sum(x!, 0)}), {x: array(4, 5)}, ['ReduceSum']);
  });

  it('sums of sums are one sum, over axes of either kind', async () => {
    const y = {x: array(2, 3, 4)};
    await expectLean(({x}) => ({y: tf.sum(tf.sum(x!, 1), 1)}), y, ['ReduceSum']);
    await expectLean(({x}) => ({y: tf.sum(tf.sum(x!, 1, true), 2)}), y, ['ReduceSum', 'Reshape']);
    await expectLean(({x}) => ({y: tf.sum(tf.sum(x!, 2), 1, true)}), y, ['ReduceSum', 'Reshape']);
  });

  it('numbers go where they cost least: out of sums, onto the smaller operand, into products', async () => {
    const w = array(5, 3);
    await expectLean(({x}) => ({y: tf.sum(tf.mul(tf.neg(x!), 3), 1)}), {x}, ['ReduceSum', 'Mul']);
    const {x: column, ...rest} = {x, c: array(12, 1)};
    const small = nodes(({x, c}) => ({y: tf.mul(tf.mul(x!, 3), tf.exp(c!))}), {x: spec(12, 5), c: spec(12, 1)});
    expect(small.map(({op, outputs}) => `${op} ${outputs[0]!.shape}`)).to.deep.equal([
      'Exp 12,1',
      'Mul 12,1',
      'Mul 12,5',
    ]);
    await expectLean(({x, c}) => ({y: tf.mul(tf.mul(x!, 3), tf.exp(c!))}), {x: column, ...rest}, ['Exp', 'Mul', 'Mul']);
    await expectLean(({x, w}) => ({y: tf.matMul(tf.mul(x!, 3), tf.neg(w!))}), {x, w}, ['Gemm']);
    await expectLean(({x, w}) => ({y: tf.add(x!, tf.neg(tf.exp(w!)))}), {x, w: x}, ['Exp', 'Sub']);
  });

  it('two numbers stay two where one float32 could not hold their product', async () => {
    const large = {x: array(12, 5)};
    await expectLean(({x}) => ({y: tf.mul(tf.mul(tf.mul(x!, 1e30), 1e-30), 2)}), large, ['Mul']);
    const list = nodes(({x}) => ({y: tf.mul(tf.mul(x!, 1e-30), 1e-30)}), {x: spec(12, 5)});
    expect(list.map(({op}) => op)).to.deep.equal(['Mul', 'Mul']);
  });

  it('a quotient is left a quotient where its inverse is not exact', async () => {
    await expectLean(({x}) => ({y: tf.div(x!, 3)}), {x}, ['Div']);
    await expectLean(({x}) => ({y: tf.mul(tf.div(x!, 4), 3)}), {x}, ['Mul']);
    await expectLean(({x}) => ({y: tf.mul(tf.div(x!, 3), 3)}), {x}, ['Div', 'Mul']);
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
