import {hostArray, isHarnessError, seedStream} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {prepareCpu} from '../src/eager/cpu.ts';
import type {PureFunction} from '../src/index.ts';
import {type Trace, trace} from '../src/trace/trace.ts';
import {evaluate, useEngine} from './support/engines.ts';

const vector = {x: {shape: [4], dtype: 'float32'}} as const;
const opsOf = ({graph}: Trace): string[] => graph.nodes.map(({op}) => op);

describe('tracing refuses', () => {
  const cases: Readonly<Record<string, {fn: PureFunction; reason: string; message: RegExp}>> = {
    'reading with dataSync': {
      fn: ({x}) => ({y: tf.scalar(x!.dataSync()[0]!)}),
      reason: 'read',
      message: /may not read values.*tf\.where instead of if/,
    },
    'reading with arraySync': {
      fn: ({x}) => ({y: tf.tensor(x!.square().arraySync())}),
      reason: 'read',
      message: /may not read values/,
    },
    'reading with data': {
      fn: ({x}) => {
        void x!.data();
        return {y: x!};
      },
      reason: 'read',
      message: /may not read values.*return the tensor as an output/,
    },
    'an async function': {
      fn: (async () => ({})) as unknown as PureFunction,
      reason: 'output',
      message: /is async.*Remove async/,
    },
    'a kernel without a mapping': {
      fn: ({x}) => ({y: tf.real(tf.fft(tf.complex(x!, x!)))}),
      reason: 'unmapped',
      message: /kernel "Complex" has no ONNX mapping.*kind: 'wasm'/,
    },
    'a kernel without a mapping inside a gradient': {
      fn: ({x}) => ({y: tf.grad((v) => tf.localResponseNormalization(v.reshape([1, 1, 1, 4]) as tf.Tensor4D))(x!)}),
      reason: 'unmapped',
      message: /kernel "LRN" has no ONNX mapping/,
    },
    'tf.randomUniform': {
      fn: () => ({y: tf.randomUniform([2])}),
      reason: 'random',
      message: /tf\.randomUniform.*same numbers.*noise\.uniform/,
    },
    'tf.randomNormal with a seed': {
      fn: () => ({y: tf.randomNormal([2], 0, 1, 'float32', 7)}),
      reason: 'random',
      message: /tf\.randomNormal/,
    },
    'tf.truncatedNormal': {fn: () => ({y: tf.truncatedNormal([2])}), reason: 'random', message: /tf\.truncatedNormal/},
    'tf.dropout': {fn: ({x}) => ({y: tf.dropout(x!, 0.5)}), reason: 'random', message: /tf\.dropout/},
    'tf.multinomial': {
      fn: ({x}) => ({y: tf.multinomial(x as tf.Tensor1D, 2)}),
      reason: 'random',
      message: /tf\.multinomial.*Declare noise/,
    },
    'two noises of one name': {
      fn: (_, noise) => ({y: tf.add(noise.uniform('a', [2]), noise.normal('a', [2]))}),
      reason: 'noise',
      message: /noise "a" is declared twice/,
    },
    'an output that is no tensor': {
      fn: () => ({y: 3}) as never,
      reason: 'output',
      message: /output "y" must be a tensor, got number/,
    },
    'outputs without names': {fn: ({x}) => x as never, reason: 'output', message: /by name, such as \{loss\}/},
    'a tensor that is kept': {
      fn: ({x}) => ({y: tf.keep(tf.square(x!)).add(1)}),
      reason: 'kept',
      message: /1 tensor\(s\).*outlive/,
    },
    strings: {fn: () => ({y: tf.tensor(['a'])}), reason: 'type', message: /float32, int32 and bool, got string/},
    'tracing inside': {
      fn: ({x}) => {
        trace(({x: v}) => ({v: v!}), vector);
        return {x: x!};
      },
      reason: 'nested',
      message: /may not compile another/,
    },
  };
  for (const [name, {fn, reason, message}] of Object.entries(cases)) {
    it(name, () => {
      expectUnchanged(
        () => {
          const error = errorOf(() => trace(fn, vector));
          expect(isHarnessError(error) && [error.code, error.details['reason']]).to.deep.equal(['E_TRACE', reason]);
          expect((error as Error).message).to.match(message);
        },
        reason === 'kept' ? 1 : 0,
      );
    });
  }

  it('variables from outside and from inside, by name', async () => {
    await prepareCpu();
    void tf.setBackend('cpu');
    const weight = tf.variable(tf.tensor([1, 2, 3, 4]), true, 'weight');
    for (const fn of [() => ({y: tf.square(weight)}), () => ({y: weight})] as PureFunction[]) {
      expectUnchanged(() =>
        expect(() => trace(fn, vector)).to.throw(/E_TRACE.*tf\.Variable "weight".*Pass it as an input/),
      );
    }
    weight.dispose();
    expectUnchanged(() =>
      expect(() => trace(({x}) => ({y: tf.square(tf.variable(x!, true, 'inner'))}), vector)).to.throw(
        /tf\.Variable "inner"/,
      ),
    );
  });

  it('nothing that the function throws itself: errors pass through', () => {
    const own = new Error('mine');
    expectUnchanged(() => {
      expect(
        errorOf(() =>
          trace(() => {
            throw own;
          }, vector),
        ),
      ).to.equal(own);
      expect(() => trace(({x}) => ({y: tf.grad((v) => tf.reshape(tf.exp(v), [3]))(x!)}), vector)).to.throw(
        /^Size|elements/,
      );
    });
  });
});

describe('the traced graph', () => {
  it('holds plain MatMul and Gemm, no matter how tfjs reshapes around them', () => {
    const specs = {
      x: {shape: [8, 5], dtype: 'float32'},
      w: {shape: [5, 3], dtype: 'float32'},
      b: {shape: [3], dtype: 'float32'},
    } as const;
    const graph = trace(({x, w, b}) => {
      const loss = (v: tf.Tensor, c: tf.Tensor): tf.Tensor =>
        tf.mean(tf.square(tf.relu(tf.add(tf.matMul(tf.reshape(x!, [8, 5]), v), c))));
      const [dw, db] = tf.grads(loss)([w!, b!]);
      return {w: tf.sub(w!, tf.mul(dw!, 0.1)), b: tf.sub(b!, tf.mul(db!, 0.1))};
    }, specs);
    const ops = opsOf(graph);
    expect(ops.slice(0, 2)).to.deep.equal(['Gemm', 'Relu']);
    for (const op of ['Reshape', 'Expand', 'Identity', 'Transpose', 'Tile']) expect(ops).to.not.include(op);
    expect(ops.length).to.be.lessThan(18);
  });

  it('leaves out what no output needs, and inputs with it', () => {
    const {graph} = trace(
      ({x, y}) => {
        tf.exp(y!);
        return {z: tf.square(x!)};
      },
      {...vector, y: {shape: [2], dtype: 'float32'}},
    );
    expect(graph.nodes.map(({op}) => op)).to.deep.equal(['Mul']);
    expect(graph.inputs).to.have.length(1);
  });

  it('shares equal constants and equal operations', () => {
    const traced = trace(({x}) => ({y: tf.add(tf.exp(tf.add(x!, 0.5)), tf.exp(tf.add(x!, tf.scalar(0.5))))}), vector);
    expect(opsOf(traced)).to.deep.equal(['Add', 'Exp', 'Add']);
    expect(traced.graph.constants).to.have.length(1);
  });

  it('casts uint8 once, straight to the type that is computed in', () => {
    const traced = trace(({x}) => ({y: tf.div(tf.cast(x!, 'float32'), 255)}), {x: {shape: [2, 3], dtype: 'uint8'}});
    expect(opsOf(traced)).to.deep.equal(['Cast', 'Div']);
    expect(traced.graph.nodes[0]!.inputs[0]!.dtype).to.equal('uint8');
    expect(opsOf(trace(({x}) => ({y: x!}), {x: {shape: [2], dtype: 'uint8'}}))).to.deep.equal(['Cast']);
  });

  it('casts what was cast without loss from where it came', () => {
    const traced = trace(({y}) => ({z: tf.cast(tf.oneHot(y!, 3), 'float32')}), {y: {shape: [5, 1], dtype: 'int32'}});
    expect(opsOf(traced)).to.deep.equal(['Reshape', 'Equal', 'Cast']);
    const lossy = trace(({x}) => ({z: tf.cast(tf.cast(x!, 'int32'), 'float32')}), vector);
    expect(opsOf(lossy)).to.deep.equal(['Cast', 'Cast']);
  });

  it('takes nothing apart that was put together of just these parts, forwards and backwards', () => {
    const inputs = {a: {shape: [3, 2], dtype: 'float32'}, b: {shape: [3, 2], dtype: 'float32'}} as const;
    const apart = (sizes: number | number[], axis: number): string[] =>
      opsOf(
        trace(({a, b}) => {
          const of = (x: tf.Tensor): tf.Scalar => {
            const parts = tf.split(tf.concat([x, b!], 1), sizes, axis);
            return tf.sum(tf.addN(parts.map((part, i) => tf.mul(tf.sum(tf.exp(part)), i + 1))));
          };
          return {y: tf.grad(of)(a!)};
        }, inputs),
      );
    expect(apart(2, 1)).to.not.include.oneOf(['Concat', 'Split']);
    expect(apart([1, 3], 1)).to.include.members(['Concat', 'Split']);
    expect(apart(3, 0)).to.include.members(['Concat', 'Split']);
  });

  it('collapses chains of reshapes and of transposes', () => {
    const shape = {x: {shape: [2, 3, 4], dtype: 'float32'}} as const;
    expect(opsOf(trace(({x}) => ({y: x!.reshape([6, 4]).reshape([24]).reshape([4, 6])}), shape))).to.deep.equal([
      'Reshape',
    ]);
    expect(opsOf(trace(({x}) => ({y: tf.exp(x!.reshape([6, 4]).reshape([2, 3, 4]))}), shape))).to.deep.equal(['Exp']);
    const thereAndBack = trace(({x}) => ({y: tf.exp(tf.transpose(tf.transpose(x!, [2, 0, 1]), [1, 2, 0]))}), shape);
    expect(opsOf(thereAndBack)).to.deep.equal(['Exp']);
  });
});

describe('a tensor from outside', () => {
  const onnx = useEngine('onnx');

  it('becomes a constant and stays on its backend', async () => {
    await prepareCpu();
    void tf.setBackend('cpu');
    const outer = tf.tensor([1, 2, 3, 4]);
    const home = tf.engine().state.tensorInfo.get(outer.dataId)!.backend;
    const x = hostArray(Float32Array.of(1, 1, 2, 2), [4], 'float32');
    const {y, same} = await evaluate(onnx(), ({x: v}) => ({y: tf.mul(v!, outer), same: outer}), {x});
    expect([...y!.data]).to.deep.equal([1, 2, 6, 8]);
    expect([...same!.data]).to.deep.equal([1, 2, 3, 4]);
    expect(tf.engine().state.tensorInfo.get(outer.dataId)!.backend).to.equal(home);
    expect([...outer.dataSync()]).to.deep.equal([1, 2, 3, 4]);
    outer.dispose();
  });

  it('is refused where it is of an earlier trace', () => {
    let stolen: tf.Tensor | undefined;
    trace(({x}) => {
      stolen = tf.square(x!);
      return {y: stolen};
    }, vector);
    expect(() => trace(() => ({y: tf.square(stolen!)}), vector)).to.throw(/disposed|earlier trace/);
  });
});

describe('declared noise', () => {
  const engines = (['onnx', 'wasm', 'cpu'] as const).map((kind) => useEngine(kind));
  const fn: PureFunction = (_, noise) => ({u: noise.uniform('u', [50]), n: noise.normal('n', [7, 3])});

  it('gives the same bits on every engine for the same stream, and others for another', async () => {
    const runs = [];
    for (const engine of engines) runs.push(await evaluate(engine(), fn, {}, {noise: seedStream(3, 'noise', 0)}));
    for (const run of runs.slice(1)) expect(run).to.deep.equal(runs[0]);
    const other = await evaluate(engines[0]!(), fn, {}, {noise: seedStream(3, 'noise', 1)});
    expect(other['u']!.data).to.not.deep.equal(runs[0]!['u']!.data);
    expect([...runs[0]!['u']!.data].every((u) => u >= 0 && u < 1)).to.equal(true);
  });

  it('does not depend on what else is declared, and does not advance the stream', async () => {
    const stream = seedStream(5);
    const alone: PureFunction = (_, noise) => ({n: noise.normal('n', [7, 3])});
    const first = await evaluate(engines[0]!(), fn, {}, {noise: stream});
    const second = await evaluate(engines[0]!(), alone, {}, {noise: stream});
    expect(second['n']).to.deep.equal(first['n']);
  });

  it('is asked for where it is missing', async () => {
    let message = '';
    await evaluate(engines[0]!(), fn, {}).catch((error: Error) => {
      message = error.message;
    });
    expect(message).to.match(/E_SHAPE.*declares noise "u", "n".*stream\.fork/);
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.fail('nothing was thrown');
}

/** Expects the tfjs backend, tensors and variables to be as before. @param leaked tensors that the user holds on to. */
function expectUnchanged(run: () => void, leaked = 0): void {
  const state = (): unknown => ({
    backend: tf.getBackend() ?? null,
    tensors: tf.engine().state.numTensors,
    variables: Object.keys(tf.engine().state.registeredVariables),
    scopes: tf.engine().state.scopeStack.length,
    gradients: tf.engine().state.gradientDepth,
  });
  const before = state() as {tensors: number};
  run();
  expect(state()).to.deep.equal({...before, tensors: before.tensors + leaked});
  tf.engine().state.numTensors -= leaked;
}
