import {type HostArray, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import type {PureFunction} from '../src/index.ts';
import type {GraphNode} from '../src/trace/graph.ts';
import {joinedFactors} from '../src/trace/lean/factors.ts';
import {rewrite} from '../src/trace/lean/rewrite.ts';
import {rowSumsOfProducts} from '../src/trace/lean/sums.ts';
import {trace} from '../src/trace/trace.ts';
import {drawn} from './support/arrays.ts';
import {expectClose} from './support/compare.ts';
import {evaluate, specsOf, useEngine} from './support/engines.ts';
import {runGraph} from './support/run-graph.ts';

type Arrays = Readonly<Record<string, HostArray>>;

const {floats} = drawn(5);
const nodes = (fn: PureFunction, arrays: Arrays): readonly GraphNode[] => trace(fn, specsOf(arrays)).graph.nodes;
const isProduct = ({op}: GraphNode): boolean => ['MatMul', 'Gemm', 'FusedMatMul'].includes(op);
/** The left rows of every product: what it costs, beside its matrix. */
const productRows = (fn: PureFunction, arrays: Arrays): number[] =>
  nodes(fn, arrays)
    .filter(isProduct)
    .map(({inputs: [a], attributes}) => a!.shape.at(attributes['transA'] === 1 ? -1 : -2)!);
const opsOf = (fn: PureFunction, arrays: Arrays): string[] => nodes(fn, arrays).map(({op}) => op);

describe('rows in the lean graph', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');

  async function expectSame(fn: PureFunction, arrays: Arrays): Promise<void> {
    const [actual, expected] = [await evaluate(onnx(), fn, arrays), await evaluate(cpu(), fn, arrays)];
    for (const name of Object.keys(expected))
      expectClose(actual[name]!, expected[name]!, {relative: 1e-4, absolute: 1e-4}, name);
  }

  /** Tokens [runs, length, k], a layer for each, the mean of all, a layer for that. */
  const pooled =
    (runs: number, length: number, {mean = true, keep = false, residual = false, bias = true} = {}): PureFunction =>
    ({x, w, b, v, r}) => {
      const layer = tf.matMul(tf.reshape(x!, [runs * length, -1]), w!);
      const biased = bias ? tf.add(layer, b!) : layer;
      const all = residual ? tf.add(tf.reshape(r!, biased.shape), biased) : biased;
      const tokens = tf.reshape(all, [runs, length, -1]);
      const one = mean ? tf.mean(tokens, 1, keep) : tf.sum(tokens, 1, keep);
      return {y: tf.matMul(tf.reshape(one, [runs, -1]), v!)};
    };
  const arraysOf = (runs: number, length: number, k: number, n: number): Arrays => ({
    x: floats(runs, length, k),
    w: floats(k, n),
    b: floats(n),
    v: floats(n, 2),
    r: floats(runs, length, n),
  });

  describe('averaged after a layer', () => {
    it('are averaged before it', () => {
      expect(productRows(pooled(3, 8), arraysOf(3, 8, 5, 4))).to.deep.equal([3, 3]);
      expect(productRows(pooled(3, 8, {residual: true}), arraysOf(3, 8, 5, 4))).to.deep.equal([3, 3]);
    });

    it('give the same, whatever is added', async () => {
      const flags = fc.record({mean: fc.boolean(), keep: fc.boolean(), residual: fc.boolean(), bias: fc.boolean()});
      const size = fc.integer({min: 1, max: 6});
      await fc.assert(
        fc.asyncProperty(size, size, size, size, flags, (runs, length, k, n, options) =>
          expectSame(pooled(runs, length, options), arraysOf(runs, length, k, n)),
        ),
        {numRuns: 40},
      );
    });

    it('stay where something else needs them, and where a column is added', async () => {
      const arrays = {...arraysOf(3, 8, 5, 4), c: floats(24, 1)};
      const used: PureFunction = ({x, w}) => {
        const layer = tf.matMul(tf.reshape(x!, [24, 5]), w!);
        return {y: tf.mean(tf.reshape(layer, [3, 8, 4]), 1), z: tf.square(layer)};
      };
      expect(productRows(used, arrays)).to.deep.equal([24]);
      const column: PureFunction = ({x, w, c}) => {
        const layer = tf.add(tf.matMul(tf.reshape(x!, [24, 5]), w!), c!);
        return {y: tf.mean(tf.reshape(layer, [3, 8, 4]), 1)};
      };
      await expectSame(column, arrays);
    });
  });

  /** All gradients of an average over tokens of two layers, the first with tanh. */
  const gradients =
    (runs: number, length: number): PureFunction =>
    ({x, w, b, v}) => {
      const loss = (w0: tf.Tensor, b0: tf.Tensor, v0: tf.Tensor, b1: tf.Tensor): tf.Tensor => {
        const h = tf.tanh(tf.add(tf.matMul(tf.reshape(x!, [runs * length, -1]), w0), b0));
        const y = tf.add(tf.matMul(h, v0), b1);
        return tf.sum(tf.square(tf.mean(tf.reshape(y, [runs, length, -1]), 1)));
      };
      const grads = tf.grads(loss)([w!, b!, v!, tf.zeros([2])]);
      return Object.fromEntries(grads.map((grad, i) => [`d${i}`, grad!]));
    };

  describe('that repeat', () => {
    it('are multiplied once: the last layer has no product over all tokens, forward or backward', () => {
      const arrays = arraysOf(3, 8, 5, 4);
      const over = nodes(gradients(3, 8), arrays).filter(
        (node) => isProduct(node) && sizeOf(node.inputs[0]!.shape) >= 24,
      );
      // The first layer, the sum of its bias, and its weights' gradient.
      expect(over.map(({outputs}) => outputs[0]!.shape)).to.deep.equal([[24, 4], [4], [5, 4]]);
    });

    it('give the same gradients', async () => {
      const size = fc.integer({min: 1, max: 6});
      await fc.assert(
        fc.asyncProperty(size, size, size, size, (runs, length, k, n) =>
          expectSame(gradients(runs, length), arraysOf(runs, length, k, n)),
        ),
        {numRuns: 30},
      );
    });

    it('are multiplied from either side, turned or not', async () => {
      const arrays = {s: floats(3, 1, 4), m: floats(24, 5), n: floats(5, 24), k: floats(4, 5), l: floats(5, 4)};
      await expectSame(({s, m, n, k, l}) => {
        const repeated = tf.reshape(tf.broadcastTo(s!, [3, 8, 4]), [24, 4]) as tf.Tensor2D;
        return {
          a: tf.matMul(repeated, k!),
          b: tf.matMul(repeated, l!, false, true),
          c: tf.matMul(repeated, m!, true),
          d: tf.matMul(m!, repeated, true),
          e: tf.matMul(n!, repeated),
          f: tf.matMul(l!, repeated, false, true),
          g: tf.matMul(k!, repeated, true, true),
        };
      }, arrays);
    });

    it('are put against others element by element, whichever side they stand on', async () => {
      const op = fc.constantFrom(tf.add, tf.sub, tf.mul, tf.div);
      const arrays = {s: floats(3, 1, 4), m: floats(24, 4), row: floats(4), column: floats(24, 1), u: floats(4, 5)};
      await fc.assert(
        fc.asyncProperty(op, fc.boolean(), fc.constantFrom('m', 'row', 'column', 's'), (apply, first, with_) =>
          expectSame((inputs) => {
            const repeated = (s: tf.Tensor): tf.Tensor => tf.reshape(tf.tile(s, [1, 8, 1]), [24, 4]);
            const expanded = tf.reshape(tf.broadcastTo(inputs['s']!, [3, 8, 4]), [24, 4]);
            const other = with_ === 's' ? repeated(inputs['s']!) : inputs[with_]!;
            const y = first ? apply(expanded, other) : apply(other, expanded);
            return {y, z: tf.matMul(y as tf.Tensor2D, inputs['u']!), sum: tf.sum(y, 0)};
          }, arrays),
        ),
        {numRuns: 30},
      );
    });
  });

  /** Attention and its gradients. */
  const attention: PureFunction = ({q, k, v}) => {
    const attend = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor): tf.Tensor =>
      tf.matMul(tf.softmax(tf.mul(tf.matMul(a, b, false, true), 0.5)), c);
    const grads = tf.grads((a, b, c) => tf.sum(tf.square(attend(a!, b!, c!))))([q!, k!, v!]);
    return Object.fromEntries(grads.map((grad, i) => [`d${i}`, grad!]));
  };

  it("of attention's softmax are summed as what attention put out", async () => {
    const arrays = {q: floats(2, 6, 3), k: floats(2, 6, 3), v: floats(2, 6, 3)};
    const sums = nodes(attention, arrays).filter(({op}) => op === 'ReduceSum');
    expect(sums.map(({inputs: [x]}) => x!.shape)).to.deep.equal([[2, 6, 3]]);
    expect(opsOf(attention, arrays).filter((op) => op === 'Mul' || op === 'Sub')).to.have.length(3);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 1, max: 5}),
        fc.integer({min: 1, max: 5}),
        fc.integer({min: 1, max: 5}),
        (t, s, d) => expectSame(attention, {q: floats(2, t, d), k: floats(2, s, d), v: floats(2, s, d)}),
      ),
      {numRuns: 25},
    );
  });

  it('of a product times a matrix are summed through another product of that matrix, factors included', async () => {
    const arrays = {a: floats(2, 6, 3), b: floats(2, 5, 3), c: floats(2, 5, 3), p: floats(2, 6, 5)};
    const fn: PureFunction = ({a, b, c, p}) => ({
      y: tf.sum(tf.mul(tf.mul(tf.matMul(a!, b!, false, true), 3), p!), -1),
      other: tf.matMul(p!, c!),
      known: tf.mul(tf.matMul(p!, b!), 0.5),
    });
    const sums = nodes(fn, arrays).filter(({op}) => op === 'ReduceSum');
    expect(sums.map(({inputs: [x]}) => x!.shape)).to.deep.equal([[2, 6, 3]]);
    await expectSame(fn, arrays);
    const {graph} = trace(fn, specsOf(arrays), {}, (whole) => rewrite(whole, [joinedFactors]));
    expect(graph.nodes.map(({attributes}) => attributes['alpha'])).to.deep.include.members([{float: 3}, {float: 0.5}]);
    const [actual, expected] = [
      await runGraph(rewrite(graph, [rowSumsOfProducts]), arrays),
      await runGraph(graph, arrays),
    ];
    expectClose(actual['y']!, expected['y']!, {relative: 1e-5, absolute: 1e-5});
  });

  it('times one number per column multiply the smaller matrix', async () => {
    const arrays = {x: floats(24, 5), w: floats(5, 4), t: floats(4, 5), s: floats(4)};
    const plain: PureFunction = ({x, w, s}) => ({y: tf.mul(tf.matMul(x!, w!), s!)});
    const turned: PureFunction = ({x, t, s}) => ({y: tf.mul(s!, tf.matMul(x!, t!, false, true))});
    for (const fn of [plain, turned]) {
      const [scaled, product] = nodes(fn, arrays).filter(({op}) => op !== 'Reshape');
      expect([scaled!.op, sizeOf(scaled!.outputs[0]!.shape)]).to.deep.equal(['Mul', 20]);
      expect(product!.outputs[0]!.shape).to.deep.equal([24, 4]);
      await expectSame(fn, arrays);
    }
    const few = {...arrays, x: floats(6, 5)};
    expect(opsOf(plain, few)[1], 'a matrix that is not much larger than the weights').to.equal('Mul');
    await expectSame(plain, few);
    const square = {...arrays, w: floats(5, 24), s: floats(24, 1)};
    await expectSame(plain, square);
  });

  it('of a product needed with a factor, too, are computed with it', async () => {
    const arrays = {x: floats(24, 5), w: floats(5, 4), b: floats(4), z: floats(24, 4)};
    const fn: PureFunction = ({x, w, b, z}) => {
      const h = tf.add(tf.matMul(x!, w!), b!);
      return {y: tf.erf(tf.mul(h, 0.7)), p: tf.mul(h, z!)};
    };
    // b * 0.7; the product; erf; the other use, with 1 / 0.7.
    expect(opsOf(fn, arrays).sort()).to.deep.equal(['Erf', 'Gemm', 'Mul', 'Mul', 'Mul']);
    await expectSame(fn, arrays);
    const others: readonly PureFunction[] = [
      ({x, w}) => ({y: tf.erf(tf.mul(tf.matMul(x!, w!), 0.7)), p: tf.exp(tf.matMul(x!, w!))}),
      ({x, w, z}) => ({
        y: tf.erf(tf.mul(tf.matMul(x!, w!), 0.7)),
        p: tf.mul(tf.matMul(x!, w!), z!),
        h: tf.matMul(x!, w!),
      }),
    ];
    for (const other of others) {
      expect(opsOf(other, arrays), 'what cannot do with a factor').to.include('MatMul');
      await expectSame(other, arrays);
    }
  });
});
