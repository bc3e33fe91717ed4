import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {normalise} from '../src/functions/normalise.ts';
import type {PureFunction} from '../src/index.ts';
import type {Graph, GraphNode} from '../src/trace/graph.ts';
import {simplified} from '../src/trace/lean/lean.ts';
import {trace} from '../src/trace/trace.ts';
import {drawn} from './support/arrays.ts';
import {expectClose} from './support/compare.ts';
import {evaluate, specsOf, useEngine} from './support/engines.ts';

type Arrays = Readonly<Record<string, HostArray>>;

const {floats} = drawn(17);
const graphOf = (fn: PureFunction, arrays: Arrays, constants: Arrays = {}): Graph =>
  trace(fn, specsOf(arrays), constants, simplified).graph;
const made = (graph: Graph, op: string): GraphNode[] => graph.nodes.filter((node) => node.op === op);
/** Operations on whole batches of rows, products left out: what is not left to matrices. */
const onRows = ({nodes}: Graph, rows: number): string[] =>
  nodes
    .filter(({op, outputs}) => !['Gemm', 'MatMul', 'Reshape'].includes(op) && outputs[0]!.shape[0] === rows)
    .map(({op}) => op)
    .sort();

const ROWS = 48;
const arraysOf = (rows: number, from: number, width: number, to: number): Arrays => ({
  x: floats(rows, from),
  w: floats(from, width),
  scale: floats(width),
  offset: floats(width),
  a: floats(width, to),
  b: floats(width, to),
  c: floats(to),
  dy: floats(rows, to),
});

interface Options {
  /** Tokens in a further axis while rows are normalised. */
  readonly spatial?: boolean;
  readonly bias?: boolean;
  /** Gradients of scale and offset, too. */
  readonly trained?: boolean;
  /** Also the gradient of a matrix behind the norm. */
  readonly behind?: boolean;
  readonly residual?: boolean;
}

/** Rows `x w` normed, and two products of what comes out; gradients of w and of what is asked for. */
const network =
  ({spatial = false, bias = false, trained = false, behind = false, residual = false}: Options): PureFunction =>
  ({x, w, scale, offset, a, b, c, dy}) => {
    const answers = (...[v, s, o, m]: tf.Tensor[]): tf.Tensor => {
      const h = tf.matMul(x!, v!);
      const shape = spatial ? [h.shape[0]! / 2, 2, h.shape[1]!] : (h.shape as number[]);
      const normed = tf.reshape(normalise(tf.reshape(h, shape), s!, o!, -1).y, h.shape);
      const left = tf.matMul(normed, m!);
      const both = tf.mul(tf.tanh(bias ? tf.add(left, c!) : left), tf.matMul(normed, b!));
      return residual ? tf.add(both, tf.matMul(tf.tanh(h), a!)) : both;
    };
    const [dw, ds, dO, da] = tf.grads(answers)([w!, scale!, offset!, a!], dy!);
    return {
      y: answers(w!, scale!, offset!, a!),
      dw: dw!,
      ...(trained ? {ds: ds!, do: dO!} : {}),
      ...(behind ? {da: da!} : {}),
    };
  };

describe('norms before products, in the lean graph', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');

  async function expectSame(fn: PureFunction, arrays: Arrays): Promise<void> {
    const [actual, expected] = [await evaluate(onnx(), fn, arrays), await evaluate(cpu(), fn, arrays)];
    for (const name of Object.keys(expected))
      expectClose(actual[name]!, expected[name]!, {relative: 5e-4, absolute: 5e-4}, name);
  }

  it('leave scale and offset to the matrices, and put out what their gradient needs', () => {
    const graph = graphOf(network({}), arraysOf(ROWS, 5, 6, 4));
    const [norm, ...more] = made(graph, 'LayerNormalization');
    expect(more).to.deep.equal([]);
    const [ones, zeros] = norm!.inputs
      .slice(1)
      .map(({origin}) => origin.kind === 'node' && origin.node.inputs[0]!.origin);
    expect(ones && ones.kind === 'constant' && ones.data[0]).to.equal(1);
    expect(zeros && zeros.kind === 'constant' && zeros.data[0]).to.equal(0);
    // Forward: the norm, tanh and the product of both. Backward: of these, three; of the norm g n, its mean, n mean, the
    // difference and the division by the deviation.
    const gradientOfNorm = ['Mul', 'ReduceMean', 'Mul', 'Sub', 'Mul'];
    const rest = onRows(graph, ROWS).filter((op) => op !== 'LayerNormalization' && op !== 'Tanh');
    for (const op of gradientOfNorm) rest.splice(rest.indexOf(op), 1);
    expect(rest.filter((op) => op.startsWith('Reduce'))).to.deep.equal([]);
  });

  it('put out scaled rows where something else than products needs them', () => {
    const fn: PureFunction = ({x, w, scale, offset, a, dy}) => {
      const answers = (v: tf.Tensor): tf.Tensor => {
        const {y} = normalise(tf.matMul(x!, v), scale!, offset!, -1);
        return tf.add(tf.matMul(y, a!), tf.slice(tf.tanh(y), [0, 0], [ROWS, 4]));
      };
      return {dw: tf.grad(answers)(w!, dy!)};
    };
    const graph = graphOf(fn, arraysOf(ROWS, 5, 6, 4));
    const [norm] = made(graph, 'LayerNormalization');
    expect(norm!.inputs[1]!.origin).to.deep.include({kind: 'input', name: 'scale'});
  });

  it('stay as they are where no gradient goes through them', () => {
    const fn: PureFunction = ({x, scale, offset, a}) => ({
      y: tf.matMul(normalise(tf.slice(x!, [0, 0], [ROWS, 6]), scale!, offset!, -1).y, a!),
    });
    const [norm] = made(graphOf(fn, arraysOf(ROWS, 6, 6, 4)), 'LayerNormalization');
    expect(norm!.inputs[1]!.origin).to.deep.include({kind: 'input', name: 'scale'});
  });

  it('give the same values and gradients, whatever is trained and however the rows are seen', async () => {
    const flags = fc.record({
      spatial: fc.boolean(),
      bias: fc.boolean(),
      trained: fc.boolean(),
      behind: fc.boolean(),
      residual: fc.boolean(),
    });
    const size = fc.integer({min: 2, max: 7});
    // Of two or three numbers, a norm leaves hardly more than signs, and its gradient is what rounding left.
    const width = fc.integer({min: 6, max: 9});
    await fc.assert(
      fc.asyncProperty(flags, size, width, size, fc.constantFrom(4, 48), (options, from, width, to, rows) =>
        expectSame(network(options), arraysOf(rows, from, width, to)),
      ),
      {numRuns: 60},
    );
  });

  it('let the gradient lose its mean in the matrix: one mean per row is left of two', () => {
    const means = (trained: boolean): number =>
      made(graphOf(network({trained}), arraysOf(ROWS, 5, 6, 4)), 'ReduceMean').filter(
        ({inputs: [x], outputs: [mean]}) => x!.shape[0] === ROWS && mean!.shape[0] === ROWS,
      ).length;
    expect(means(false)).to.equal(1);
    // With its gradient the scale stays where it was: the sum over rows needs what it multiplies.
    expect(means(true)).to.equal(2);
  });
});

describe('rows scaled and shifted alike, in the lean graph', () => {
  const onnx = useEngine('onnx');
  const cpu = useEngine('cpu');
  const arrays = {
    x: floats(ROWS, 6),
    s: floats(6),
    o: floats(6),
    a: floats(6, 4),
    c: floats(4),
    d: floats(ROWS, 4),
    r: floats(ROWS, 4),
  };

  const cases: Readonly<Record<string, PureFunction>> = {
    'into one product': ({x, s, o, a}) => ({y: tf.matMul(tf.add(tf.mul(x!, s!), o!), a!)}),
    'into one with a transposed matrix': ({x, s, o, a}) => ({
      y: tf.matMul(tf.add(tf.mul(x!, s!), o!), tf.transpose(a!), false, true),
    }),
    'into one with a bias': ({x, s, o, a, c}) => ({y: tf.add(tf.matMul(tf.add(tf.mul(x!, s!), o!), a!), c!)}),
    'into one with something added': ({x, s, o, a, r}) => ({
      y: tf.sub(tf.mul(r!, 3), tf.matMul(tf.add(tf.mul(x!, s!), o!), a!)),
    }),
    'of which a gradient is a product from the left': ({x, s, o, d, a}) => ({
      y: tf.sub(tf.mul(a!, 2), tf.mul(tf.matMul(tf.add(tf.mul(x!, s!), o!), d!, true), 0.5)),
    }),
    'scaled alone, from the left, and added to a multiple': ({x, s, d, a}) => ({
      y: tf.sub(tf.mul(a!, 2), tf.matMul(tf.mul(x!, s!), d!, true)),
    }),
    'scaled alone, from the left': ({x, s, d, a}) => ({y: tf.sub(a!, tf.matMul(tf.mul(x!, s!), d!, true))}),
    'shifted alone': ({x, o, a}) => ({y: tf.matMul(tf.add(x!, o!), a!)}),
    'scaled before a shape': ({x, s, o, a}) => ({
      y: tf.matMul(tf.reshape(tf.add(tf.mul(tf.reshape(x!, [ROWS / 2, 2, 6]), s!), o!), [ROWS, 6]), a!),
    }),
  };
  for (const [name, fn] of Object.entries(cases)) {
    it(`are left to the matrix: ${name}`, async () => {
      const graph = graphOf(fn, arrays);
      const whole = onRows(graph, ROWS).filter((op) => op !== 'Add' || !name.includes('added'));
      expect(whole).to.deep.equal([]);
      const [actual, expected] = [await evaluate(onnx(), fn, arrays), await evaluate(cpu(), fn, arrays)];
      expectClose(actual['y']!, expected['y']!, {relative: 1e-4, absolute: 1e-4});
    });
  }

  it('stay where the matrix is larger than they are, and where a column is added', async () => {
    const large = {x: floats(3, 6), s: floats(6), a: floats(6, 9), c: floats(3, 1)};
    const scaled = graphOf(({x, s, a}) => ({y: tf.matMul(tf.mul(x!, s!), a!)}), large);
    expect(made(scaled, 'Mul')[0]!.outputs[0]!.shape).to.deep.equal([3, 6]);
    const after = graphOf(({x, a, t}) => ({y: tf.mul(tf.matMul(x!, a!), t!)}), {...large, t: floats(9)});
    expect(made(after, 'Mul')[0]!.outputs[0]!.shape).to.deep.equal([3, 9]);
    const fn: PureFunction = ({x, c, a}) => ({y: tf.matMul(tf.add(x!, c!), a!)});
    const [actual, expected] = [await evaluate(onnx(), fn, large), await evaluate(cpu(), fn, large)];
    expectClose(actual['y']!, expected['y']!, {relative: 1e-4, absolute: 1e-4});
  });
});
