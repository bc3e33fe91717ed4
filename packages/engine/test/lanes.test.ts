import {type ArraySpec, bitEqual, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {type Buffers, createEngine, type Engine, type PureFunction} from '../src/index.ts';
import {encodeGraph} from '../src/onnx/encode.ts';
import {openLanes} from '../src/onnx/graph-run.ts';
import {LaneThreads} from '../src/onnx/lanes.ts';
import {loadOnnx} from '../src/onnx/onnx-runtime.ts';
import {type Graph, GraphBuilder} from '../src/trace/graph.ts';
import {inLanes, type Lanes} from '../src/trace/lean/lanes.ts';
import {laned, simplified} from '../src/trace/lean/lean.ts';
import {trace} from '../src/trace/trace.ts';
import {drawn} from './support/arrays.ts';
import {expectClose} from './support/compare.ts';
import {specsOf} from './support/engines.ts';
import {networkStep, transformer} from './support/networks.ts';
import {runGraph} from './support/run-graph.ts';

type Arrays = Readonly<Record<string, HostArray>>;

const {floats, ints} = drawn(13);
const graphOf = (fn: PureFunction, arrays: Arrays): Graph => trace(fn, specsOf(arrays), {}, simplified).graph;

/** A part of an array along its first axis. */
function part({data, dtype, shape}: HostArray, k: number, count: number): HostArray {
  const length = data.length / count;
  return hostArray(data.slice(k * length, (k + 1) * length) as never, [shape[0]! / count, ...shape.slice(1)], dtype);
}

/** What lanes and the rest of a graph compute, one after the other. */
async function runLanes({count, lane, rest, split}: Lanes, arrays: Arrays): Promise<Record<string, HostArray>> {
  const cut = new Set(split.map(({origin}) => ('name' in origin ? origin.name : '')));
  const made: Record<string, HostArray> = {};
  for (let k = 0; k < count; k++) {
    const own = Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => [name, cut.has(name) ? part(array, k, count) : array]),
    );
    for (const [i, array] of Object.entries(await runGraph(lane, own))) made[`${k}/${i}`] = array;
  }
  return runGraph(rest, {...arrays, ...made});
}

async function expectSame(whole: Graph, lanes: Lanes, arrays: Arrays): Promise<void> {
  const [expected, actual] = [await runGraph(whole, arrays), await runLanes(lanes, arrays)];
  expect(Object.keys(actual)).to.deep.equal(Object.keys(expected));
  for (const [name, array] of Object.entries(expected))
    expectClose(actual[name]!, array, {relative: 1e-5, absolute: 1e-5}, name);
}

/** A step with momentum on one dense layer, and what it answered. */
const dense: PureFunction = ({x, y, w, b, m}) => {
  const answers = (v: tf.Tensor, c: tf.Tensor): tf.Tensor =>
    tf.add(tf.matMul(tf.relu(x!) as tf.Tensor2D, v as tf.Tensor2D), c);
  const loss = (v: tf.Tensor, c: tf.Tensor): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(tf.oneHot(y!, 3), answers(v, c));
  const {value, grads} = tf.valueAndGrads(loss)([w!, b!]);
  const momentum = tf.add(tf.mul(m!, 0.9), grads[0]!);
  return {
    loss: value,
    w: tf.sub(w!, tf.mul(momentum, 0.1)),
    b: tf.sub(b!, tf.mul(grads[1]!, 0.1)),
    m: momentum,
    answers: tf.softmax(answers(w!, b!)),
  };
};
const denseArrays = (rows: number, from = 4): Arrays => ({
  x: floats(rows, from),
  y: ints(3, rows),
  w: floats(from, 3),
  b: floats(3),
  m: floats(from, 3),
});

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const reason = await promise.then(
    () => 'nothing',
    (error: unknown) => String(error),
  );
  expect(reason).to.match(pattern);
}

describe('a batch in lanes', () => {
  it('gives the gradients, sums and answers of the whole batch, whatever the number of lanes and blocks', async () => {
    const counts = fc.record({lanes: fc.integer({min: 2, max: 4}), blocks: fc.integer({min: 1, max: 3})});
    await fc.assert(
      fc.asyncProperty(counts, fc.integer({min: 1, max: 3}), async ({lanes, blocks}, rows) => {
        const arrays = denseArrays(lanes * blocks * rows);
        const whole = graphOf(dense, arrays);
        const dealt = inLanes(whole, {size: rows * 4, worth: 0}, lanes)!;
        const scan = dealt.lane.nodes.find(({op}) => op === 'Scan')!;
        expect(scan.inputs.at(-1)!.shape[0]).to.equal(blocks);
        await expectSame(whole, dealt, arrays);
      }),
      {numRuns: 25},
    );
  });

  it('holds for a transformer with attention and embedded tokens', async () => {
    const parameters = Object.entries(transformer.parameters).map(([name, shape]) => [name, floats(...shape)]);
    const arrays = {x: ints(11, ...transformer.x.shape), y: ints(3, 4), ...Object.fromEntries(parameters)};
    const whole = graphOf(networkStep(transformer, 'sgd'), arrays);
    for (const lanes of [2, 4]) await expectSame(whole, inLanes(whole, {size: 80, worth: 0}, lanes)!, arrays);
  });

  it('is left in one where it cannot be dealt out evenly, where it fits, and for one thread', () => {
    const limits = {size: 8, worth: 0};
    expect(inLanes(graphOf(dense, denseArrays(7)), limits, 2)).to.equal(undefined);
    expect(inLanes(graphOf(dense, denseArrays(6)), {size: 24, worth: 0}, 2)).to.equal(undefined);
    expect(inLanes(graphOf(dense, denseArrays(6)), limits, 4)).to.equal(undefined);
    expect(laned(graphOf(dense, denseArrays(2 ** 16)), 1)).to.equal(undefined);
    expect(laned(graphOf(dense, denseArrays(2 ** 16)), 2)).to.have.property('count', 2);
  });
});

describe('an engine with two threads', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'onnx', threads: 2});
  });
  after(() => engine.dispose());

  const arrays = denseArrays(2 ** 12, 64);
  const upload = (of: Engine, given: Arrays = arrays): Buffers =>
    Object.fromEntries(
      Object.entries(given).map(([name, {data, dtype, shape}]) => [
        name,
        of.upload(hostArray(data.slice() as never, shape, dtype)),
      ]),
    );
  async function read(outputs: Buffers): Promise<Record<string, HostArray>> {
    const entries = Object.entries(outputs).map(async ([name, buffer]) => [name, await buffer.read()] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
  const specs: Record<string, ArraySpec> = specsOf(arrays);

  it('computes what one with one thread does, the same bits every time', async () => {
    expect(laned(graphOf(dense, arrays), 2)).to.not.equal(undefined);
    const alone = await createEngine({kind: 'onnx', threads: 1});
    const [one, two] = [
      await alone.compile(dense, specs, {name: 'dense'}),
      await engine.compile(dense, specs, {name: 'dense'}),
    ];
    const expected = await read(await one.run(upload(alone)));
    const runs = [await read(await two.run(upload(engine))), await read(await two.run(upload(engine)))];
    for (const [name, array] of Object.entries(expected)) {
      expectClose(runs[0]![name]!, array, {relative: 1e-4, absolute: 1e-5}, name);
      expect(bitEqual(runs[1]![name]!, runs[0]![name]!), name).to.equal(true);
    }
    await alone.dispose();
    two.dispose();
  });

  it('takes calls that do not wait for one another', async () => {
    const program = await engine.compile(dense, specs, {name: 'dense'});
    const others = {...arrays, x: floats(2 ** 12, 64), w: floats(64, 3)};
    const alone = [
      await read(await program.run(upload(engine))),
      await read(await program.run(upload(engine, others))),
    ];
    const both = await Promise.all([program.run(upload(engine)), program.run(upload(engine, others))]);
    for (const [i, outputs] of both.entries()) {
      for (const [name, array] of Object.entries(await read(outputs)))
        expect(bitEqual(alone[i]![name]!, array), `${name} of call ${i}`).to.equal(true);
    }
    program.dispose();
  });

  it('goes on with donated parameters, and starts its threads anew after all programs were disposed', async () => {
    for (let i = 0; i < 2; i++) {
      const own = await createEngine({kind: 'onnx', threads: 2});
      const program = await own.compile(dense, specs, {name: 'dense', donate: {w: 'w', b: 'b', m: 'm'}});
      let {w, b, m, ...batch} = upload(own);
      const losses: number[] = [];
      for (let step = 0; step < 5; step++) {
        const {loss, answers, ...next} = await program.run({...batch, w: w!, b: b!, m: m!});
        losses.push((await loss!.read()).data[0]!);
        ({w, b, m} = next);
        loss!.dispose();
        answers!.dispose();
      }
      expect(losses.at(-1)!).to.be.lessThan(0.9 * losses[0]!);
      await own.dispose();
    }
  });

  it('gives up threads and sessions where a graph is refused', async () => {
    const threads = new LaneThreads(1);
    const lanes = inLanes(graphOf(dense, denseArrays(4)), {size: 8, worth: 0}, 2)!;
    const builder = new GraphBuilder();
    const x = builder.input('input', 'x', 'float32', [2]);
    const [y] = builder.node('NoSuchOperation', [x], [x]);
    const refused = builder.finish({'0': y!});
    for (const part of ['lane', 'rest'] as const)
      await rejects(openLanes(await loadOnnx(), 'refused', {...lanes, [part]: refused}, threads), /NoSuchOperation/);
    expect(await openLanes(await loadOnnx(), 'taken', lanes, threads).then((run) => run.release())).to.equal(undefined);
  });

  it('says what a thread could not do, and goes on', async () => {
    const threads = new LaneThreads(1);
    threads.hold();
    await rejects(
      threads.ask(() => ({kind: 'run', program: 5})),
      /holds no program 5/,
    );
    const model = new Uint8Array([1, 2, 3]);
    const load = {kind: 'load', program: 6, model, memory: new SharedArrayBuffer(8), inputs: [], outputs: []} as const;
    await rejects(
      threads.ask(() => load),
      /protobuf|model/i,
    );
    await rejects(
      threads.ask(() => ({kind: 'unload', program: 6})),
      /holds no program 6/,
    );
    const graph = graphOf(({x}) => ({y: tf.exp(x!)}), {x: floats(2)});
    await threads.ask(() => ({...load, model: encodeGraph(graph, 'exp')}));
    await threads.ask(() => ({kind: 'unload', program: 6}));
    await rejects(
      threads.ask(() => ({kind: 'run', program: 6})),
      /holds no program 6/,
    );
    await threads.release();
  });
});
