import type {ArraySpec, HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {normalise} from '../src/functions/normalise.ts';
import type {PureFunction} from '../src/index.ts';
import type {Graph, GraphNode} from '../src/trace/graph.ts';
import {blockLimits, inBlocks} from '../src/trace/lean/blocks.ts';
import {lean, simplified} from '../src/trace/lean/lean.ts';
import {trace} from '../src/trace/trace.ts';
import {drawn} from './support/arrays.ts';
import {expectClose} from './support/compare.ts';
import {convolutional, networkStep, transformer} from './support/networks.ts';
import {runGraph} from './support/run-graph.ts';

const {floats, ints} = drawn(3);
const specsOf = (arrays: Readonly<Record<string, HostArray>>): Record<string, ArraySpec> =>
  Object.fromEntries(Object.entries(arrays).map(([name, {shape, dtype}]) => [name, {shape, dtype}]));
const graphOf = (fn: PureFunction, arrays: Readonly<Record<string, HostArray>>): Graph =>
  trace(fn, specsOf(arrays), {}, simplified).graph;
const scanIn = ({nodes}: Graph): GraphNode | undefined => nodes.find(({op}) => op === 'Scan');
const opsInBlock = (graph: Graph): string[] => (scanIn(graph)?.body?.nodes ?? []).map(({op}) => op);
const blockCount = (graph: Graph): number => scanIn(graph)?.inputs.at(-1)?.shape[0] ?? 1;
/** Blocks wherever they are possible, of values of at most that many elements. */
const blocksOf = (graph: Graph, size: number): Graph => inBlocks(graph, {size, worth: 0});

async function expectSame(whole: Graph, blocks: Graph, arrays: Readonly<Record<string, HostArray>>): Promise<void> {
  const [expected, actual] = [await runGraph(whole, arrays), await runGraph(blocks, arrays)];
  expect(Object.keys(actual)).to.deep.equal(Object.keys(expected));
  for (const [name, array] of Object.entries(expected))
    expectClose(actual[name]!, array, {relative: 1e-5, absolute: 1e-5}, name);
}

/** A step of gradient descent on one dense layer. */
const dense: PureFunction = ({x, y, w, b}) => {
  const loss = (v: tf.Tensor, c: tf.Tensor): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(tf.oneHot(y!, 3), tf.add(tf.matMul(tf.relu(x!) as tf.Tensor2D, v as tf.Tensor2D), c));
  const {value, grads} = tf.valueAndGrads(loss)([w!, b!]);
  return {loss: value, w: tf.sub(w!, tf.mul(grads[0]!, 0.1)), b: tf.sub(b!, tf.mul(grads[1]!, 0.1))};
};

describe('a batch in blocks', () => {
  before(() => tf.ready());

  it('gives the gradients of the whole batch, for every number of blocks', async () => {
    const arrays = {x: floats(6, 4), y: ints(3, 6), w: floats(4, 3), b: floats(3)};
    const whole = graphOf(dense, arrays);
    // The largest value is [6, 4]: two blocks of [3, 4], three of [2, 4], six of [1, 4].
    for (const [size, count] of [
      [12, 2],
      [8, 3],
      [4, 6],
    ] as const) {
      const blocks = blocksOf(whole, size);
      expect(blockCount(blocks)).to.equal(count);
      expect(opsInBlock(blocks)).to.include('LogSoftmax');
      await expectSame(whole, blocks, arrays);
    }
  });

  it('sums weight gradients into the update itself, one Gemm per block', () => {
    const arrays = {x: floats(6, 4), y: ints(3, 6), w: floats(4, 3), b: floats(3)};
    const scan = scanIn(blocksOf(graphOf(dense, arrays), 12))!;
    const update = scan.inputs.findIndex(({origin}) => origin.kind === 'input' && origin.name === 'w');
    const made = scan.body!.outputs[update]!.origin;
    expect(made).to.have.nested.property('node.op', 'Gemm');
    expect(made.kind === 'node' && made.node.inputs[2]).to.equal(scan.body!.inputs[update]);
  });

  it('leaves nothing of a block behind but what is summed or joined', () => {
    const arrays = {x: floats(6, 4), y: ints(3, 6), w: floats(4, 3), b: floats(3)};
    const scan = scanIn(blocksOf(graphOf(dense, arrays), 12))!;
    expect(scan.outputs.map(({shape}) => shape)).to.have.deep.members([[], [4, 3], [3]]);
  });

  for (const [axes, count] of [
    [1, 3],
    [[0, 1], 1],
  ] as const) {
    it(`normalises ${count > 1 ? 'each example in its block' : 'over the batch in one piece'}, forward and backward`, async () => {
      const arrays = {x: floats(6, 4), d: floats(6, 4), w: floats(4, 4), s: floats(4)};
      const whole = graphOf(({x, d, w, s}) => {
        const y = (kernel: tf.Tensor): tf.Tensor =>
          normalise(
            tf.matMul(tf.exp(x!), kernel),
            axes === 1 ? s! : tf.ones([1, 1]),
            axes === 1 ? s! : tf.ones([1, 1]),
            axes,
          ).y;
        return {w: tf.sub(w!, tf.grad(y)(w!, d!))};
      }, arrays);
      const blocks = blocksOf(whole, 8);
      expect(blockCount(blocks)).to.equal(count);
      await expectSame(whole, blocks, arrays);
    });
  }

  it('counts what is added to a sum once, whatever its factor', async () => {
    const arrays = {x: floats(6, 4), d: floats(6, 3), m: floats(4, 3)};
    const whole = graphOf(
      ({x, d, m}) => ({m: tf.add(tf.mul(m!, 0.9), tf.mul(tf.matMul(tf.exp(x!), d!, true), 0.1))}),
      arrays,
    );
    const blocks = blocksOf(whole, 8);
    expect(blockCount(blocks)).to.equal(3);
    expect(opsInBlock(blocks)).to.include('Gemm');
    await expectSame(whole, blocks, arrays);
  });

  it('holds for a transformer with attention and embedded tokens, whatever cuts the batch', async () => {
    const parameters = Object.entries(transformer.parameters).map(([name, shape]) => [name, floats(...shape)]);
    const arrays = {x: ints(11, ...transformer.x.shape), y: ints(3, 4), ...Object.fromEntries(parameters)};
    const whole = graphOf(networkStep(transformer, 'sgd'), arrays);
    for (const size of [160, 80]) {
      const blocks = blocksOf(whole, size);
      expect(blockCount(blocks)).to.equal(320 / size);
      await expectSame(whole, blocks, arrays);
    }
  });

  it('joins what is returned example by example', async () => {
    const arrays = {x: floats(6, 4), w: floats(4, 3)};
    const whole = graphOf(({x, w}) => ({y: tf.softmax(tf.matMul(x!, w!)), mean: tf.sum(x!, 0)}), arrays);
    const blocks = blocksOf(whole, 8);
    expect(scanIn(blocks)!.outputs.map(({shape}) => shape)).to.deep.include([3, 2, 3]);
    await expectSame(whole, blocks, arrays);
  });

  it('goes through what takes rows apart and puts them together', async () => {
    const arrays = {x: floats(6, 4), w: floats(4, 3)};
    const gelu = (v: tf.Tensor): tf.Tensor => tf.mul(tf.mul(v, 0.5), tf.add(tf.erf(tf.mul(v, Math.SQRT1_2)), 1));
    const whole = graphOf(({x, w}) => {
      const [a, b] = tf.split(x!, 2, 1) as [tf.Tensor, tf.Tensor];
      return {y: tf.sum(tf.matMul(gelu(tf.concat([b, a], 1)) as tf.Tensor2D, w!), 0), z: tf.slice(x!, [0, 1], [6, 2])};
    }, arrays);
    const blocks = blocksOf(whole, 8);
    for (const op of ['Split', 'Concat', 'Gelu', 'Slice']) expect(opsInBlock(blocks)).to.include(op);
    expect(blockCount(blocks)).to.equal(3);
    await expectSame(whole, blocks, arrays);
  });

  it('finds the batch also where parameters are as long as it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(2, 4, 6), fc.constantFrom(2, 3, 4), fc.boolean(), async (n, k, tanh) => {
        const arrays = {x: floats(n, n), w: floats(n, n), b: floats(n), v: floats(n, k)};
        const layer = ({x, w, b, v}: Readonly<Record<string, tf.Tensor>>): tf.Tensor => {
          const h = tf.add(tf.matMul(x!, w!), b!);
          return tf.sum(tf.square(tf.matMul(tanh ? tf.tanh(h) : h, v!)));
        };
        const whole = graphOf((inputs) => {
          const [dw, db, dv] = tf.grads((w, b, v) => layer({x: inputs['x']!, w: w!, b: b!, v: v!}))([
            inputs['w']!,
            inputs['b']!,
            inputs['v']!,
          ]);
          return {w: tf.sub(inputs['w']!, dw!), b: db!, v: dv!};
        }, arrays);
        const blocks = blocksOf(whole, (n * Math.max(n, k)) / 2);
        expect(blocks).to.not.equal(whole);
        await expectSame(whole, blocks, arrays);
      }),
      {numRuns: 12},
    );
  });

  it('is made leaner inside, too', () => {
    const whole = graphOf(({x, w}) => ({w: tf.sum(tf.exp(tf.matMul(x!, w!)), 0)}), {
      x: floats(4096, 64),
      w: floats(64, 64),
    });
    const blocks = lean(whole, 1);
    expect(blockCount(blocks)).to.equal(2);
    expect(opsInBlock(blocks)).to.deep.equal(['MatMul', 'Exp', 'MatMul', 'Add']);
  });

  it('is left whole where examples depend on one another', () => {
    const arrays = {x: floats(6, 4)};
    const centred = graphOf(({x}) => ({y: tf.exp(tf.sub(x!, tf.mean(x!, 0)))}), arrays);
    expect(blocksOf(centred, 4)).to.equal(centred);
    const mask = tf.tensor(floats(6, 4).data, [6, 4]);
    const masked = graphOf(({x}) => ({y: tf.exp(tf.mul(x!, mask))}), arrays);
    mask.dispose();
    expect(blocksOf(masked, 4), 'a constant for each example').to.equal(masked);
    const summed = graphOf(({x}) => ({y: tf.mul(x!, tf.sum(x!, 0))}), arrays);
    expect(blocksOf(summed, 4)).to.equal(summed);
    const parameters = Object.entries(convolutional.parameters).map(([name, shape]) => [name, floats(...shape)]);
    const images = {x: floats(...convolutional.x.shape), y: ints(3, 6), ...Object.fromEntries(parameters)};
    const normed = graphOf(networkStep(convolutional, 'sgd'), images);
    expect(blocksOf(normed, 4)).to.equal(normed);
  });

  it('is left whole where rows are mixed: by a product from the left, a transpose, a reshape, a reversal', () => {
    const arrays = {x: floats(6, 6), w: floats(6, 6)};
    const mixing: PureFunction[] = [
      ({x, w}) => ({y: tf.matMul(w!, x!)}),
      ({x}) => ({y: tf.exp(tf.transpose(x!))}),
      ({x}) => ({y: tf.exp(tf.reshape(x!, [1, 36]))}),
      ({x}) => ({y: tf.exp(tf.reverse(x!, 0))}),
      ({x}) => ({y: tf.matMul(x!, x!)}),
    ];
    for (const fn of mixing) {
      const graph = graphOf(({x, w}) => fn({x: tf.exp(x!), w: w!}, undefined as never), arrays);
      expect(blocksOf(graph, 6), fn.toString()).to.equal(graph);
    }
  });

  it('is left whole where it fits, and where the sums would cost more than they save', () => {
    const arrays = {x: floats(6, 4), y: ints(3, 6), w: floats(4, 3), b: floats(3)};
    const whole = graphOf(dense, arrays);
    expect(blocksOf(whole, 24)).to.equal(whole);
    expect(inBlocks(whole, {size: 8, worth: 100})).to.equal(whole);
    expect(inBlocks(whole, blockLimits(1))).to.equal(whole);
  });
});
