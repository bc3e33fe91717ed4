import {hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {hardened, stopGradient, straightThrough, valueAndGradients} from '../src/index.ts';
import {evaluate, useEngine} from './support/engines.ts';

const x = hostArray(Float32Array.of(0.2, 1.6, -0.7), [3], 'float32');

for (const kind of ['onnx', 'cpu'] as const) {
  describe(`gradients by hand on ${kind}`, () => {
    const engine = useEngine(kind);

    it('stop where they are told to', async () => {
      const {y, dx} = await evaluate(
        engine(),
        ({x: v}) => {
          const {value, grad} = tf.valueAndGrad((t: tf.Tensor) => tf.sum(tf.mul(stopGradient(tf.square(t)), t)))(v!);
          return {y: value, dx: grad};
        },
        {x},
      );
      expect(y!.data[0]).to.be.closeTo(0.008 + 4.096 - 0.343, 1e-5);
      for (const [i, value] of x.data.entries()) expect(dx!.data[i]).to.be.closeTo(value * value, 1e-6);
    });

    it('are 0 for what does not reach the value, also where nothing does', async () => {
      const {y, dx, dz, none} = await evaluate(
        engine(),
        ({x: v}) => {
          const {value, grads} = valueAndGradients((a) => tf.sum(tf.square(a!)) as tf.Scalar, [v!, tf.mul(v!, 2)]);
          const [nothing] = valueAndGradients(() => tf.scalar(3), [v!]).grads;
          return {y: value, dx: grads[0]!, dz: grads[1]!, none: nothing!};
        },
        {x},
      );
      expect(y!.data[0]).to.be.closeTo(0.04 + 2.56 + 0.49, 1e-5);
      for (const [i, value] of x.data.entries()) expect(dx!.data[i]).to.be.closeTo(2 * value, 1e-6);
      expect([[...dz!.data], [...none!.data]]).to.deep.equal([
        [0, 0, 0],
        [0, 0, 0],
      ]);
    });

    it('pass by what hardens a value, which may compare and sort', async () => {
      const {y, dx} = await evaluate(
        engine(),
        ({x: v}) => {
          const step = (t: tf.Tensor): tf.Tensor =>
            hardened(tf.mul(t, 3), (soft) => tf.cast(tf.greater(soft, 0.5), 'float32'));
          return {y: step(v!), dx: tf.grad((t: tf.Tensor): tf.Tensor => tf.sum(tf.mul(step(t), [1, 2, 3])))(v!)};
        },
        {x},
      );
      expect([...y!.data]).to.deep.equal([...x.data].map((value) => (3 * value > 0.5 ? 1 : 0)));
      expect([...dx!.data]).to.deep.equal([3, 6, 9]);
    });

    it('pass straight through a step, to the soft value alone', async () => {
      const {y, dx} = await evaluate(
        engine(),
        ({x: v}) => {
          const loss = (t: tf.Tensor): tf.Tensor =>
            tf.sum(tf.mul(straightThrough(tf.square(t), tf.tanh(t)), [1, 2, 3]));
          return {y: straightThrough(tf.round(v!), v!), dx: tf.grad(loss)(v!)};
        },
        {x},
      );
      expect([...y!.data]).to.deep.equal([0, 2, -1]);
      for (const [i, value] of x.data.entries()) {
        expect(dx!.data[i]).to.be.closeTo((i + 1) * (1 - Math.tanh(value) ** 2), 1e-5);
      }
    });
  });
}

for (const kind of ['onnx', 'cpu'] as const) {
  describe(`a tensor from outside on ${kind}`, () => {
    const engine = useEngine(kind);

    it('is noticed when it changes: not run, and compiled anew under the same key', async () => {
      const {prepareCpu} = await import('../src/eager/cpu.ts');
      await prepareCpu();
      void tf.setBackend('cpu');
      const outside = tf.tensor([1, 2, 3]);
      const add = () =>
        engine().compile(
          ({x: v}) => ({y: tf.add(v!, outside)}),
          {x: {shape: [3], dtype: 'float32'}},
          {name: 'add', key: 'add'},
        );
      const program = await add();
      const input = engine().upload(x);
      (await program.run({x: input}))['y']!.dispose();
      outside.dataSync().fill(7); // the cpu backend hands out the very array
      let refused: unknown;
      await program.run({x: input}).catch((error: unknown) => {
        refused = error;
      });
      expect(String(refused)).to.match(/E_TRACE: program "add" uses a tensor from outside whose values changed/);
      program.dispose();
      const again = await add();
      expect(again.cached).to.equal(false);
      const {y} = await again.run({x: input});
      expect((await y!.read()).data[0]).to.be.closeTo(7.2, 1e-6);
      for (const held of [y!, input, again, outside]) held.dispose();
    });
  });
}
