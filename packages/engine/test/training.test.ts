import {bitEqual, contentHash} from '@accrete/kit';
import {expect} from 'chai';
import {createEngine} from '../src/index.ts';
import {expectClose} from './support/compare.ts';
import {useEngine} from './support/engines.ts';
import {type Setup, train} from './support/mlp.ts';

const setups: Readonly<Record<string, Setup>> = {
  SGD: {widths: [24, 16, 16, 4], batch: 16, optimiser: 'sgd'},
  Adam: {widths: [24, 16, 4], batch: 8, optimiser: 'adam'},
};

describe('training steps of a network', () => {
  const onnx = useEngine('onnx');
  const wasm = useEngine('wasm');
  const cpu = useEngine('cpu');

  for (const [name, setup] of Object.entries(setups)) {
    it(`with ${name} agree between onnx, wasm and cpu over 50 steps, and learn`, async () => {
      const expected = await train(cpu(), setup, 50);
      expect(expected.losses.at(-1)!).to.be.lessThan(0.7 * expected.losses[0]!);
      for (const engine of [onnx(), wasm()]) {
        const actual = await train(engine, setup, 50);
        for (const [step, loss] of expected.losses.entries()) {
          expect(actual.losses[step]!, `loss of step ${step} on ${engine.kind}`).to.be.closeTo(loss, 1e-4 * (1 + loss));
        }
        for (const [key, array] of Object.entries(expected.state)) {
          expectClose(actual.state[key]!, array, {relative: 1e-3, absolute: 2e-4}, `${key} on ${engine.kind}`);
        }
      }
    });

    it(`with ${name} repeat bit for bit on each engine`, async () => {
      for (const engine of [onnx(), wasm(), cpu()]) {
        const [first, second] = [await train(engine, setup, 10), await train(engine, setup, 10)];
        expect(second.losses).to.deep.equal(first.losses);
        expect(contentHash(second.state)).to.equal(contentHash(first.state));
      }
    });
  }

  it('repeat bit for bit with two threads, and on an engine created anew', async () => {
    const setup: Setup = {widths: [64, 128, 10], batch: 32, optimiser: 'sgd'};
    const runs = [];
    for (let i = 0; i < 2; i++) {
      const engine = await createEngine({kind: 'onnx', threads: 2});
      expect(engine.threads).to.equal(2);
      runs.push(await train(engine, setup, 20));
      await engine.dispose();
    }
    for (const [name, array] of Object.entries(runs[0]!.state))
      expect(bitEqual(runs[1]!.state[name]!, array)).to.equal(true);
  });

  it('leave nothing behind', async () => {
    for (const engine of [onnx(), wasm(), cpu()]) {
      const before = engine.live();
      await train(engine, setups['Adam']!, 3);
      expect(engine.live()).to.deep.equal(before);
    }
  });
});
