import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {aggregators, type SiteCall} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';

const rows = [
  [1, 2, 3],
  [-1, 0.1, 7],
];

/** A site with a base from 3 features to 2 units, and modules as wide. */
const call = (change: Partial<SiteCall> = {}): SiteCall => ({
  h: matrix(...rows),
  base: (h) => tf.matMul(h, matrix([1, 0.3], [-1, 0], [0, 0.7])),
  baseInputs: 3,
  modules: [],
  scores: null,
  ...change,
});
const first = (h: tf.Tensor2D): tf.Tensor2D => tf.matMul(h, matrix([1, 0], [0, 1], [0, 0]));
const second = (h: tf.Tensor2D): tf.Tensor2D => tf.matMul(h, matrix([0, 0], [0, 0], [1, 10]));

for (const kind of aggregators.kinds) {
  describe(`aggregator ${kind}`, () => {
    useCpuBackend();
    const aggregator = aggregators.parse({kind});
    const run = (change?: Partial<SiteCall>): tf.Tensor2D => aggregator.run(call(change));

    it('without modules is the base, bit for bit', () => {
      const base = call();
      expect(numbers(run())).to.deep.equal(numbers(base.base(base.h)));
    });

    it('puts out as many units as it says', () => {
      for (const modules of [[], [first], [first, second]]) {
        const width = aggregator.width(
          2,
          modules.map(() => 2),
        );
        expect(run({modules}).shape).to.deep.equal([2, width]);
      }
    });

    it('weighs modules by their scores, example by example: ones change nothing, zeros silence, the base is not weighed', () => {
      const modules = [first, second];
      expect(numbers(run({modules, scores: matrix([1, 1], [1, 1])}))).to.deep.equal(numbers(run({modules})));
      const silent = run({modules, scores: matrix([0, 0], [0, 0])});
      expect(numbers(tf.slice(silent, [0, 0], [-1, 2]))).to.deep.equal(numbers(run()));
      const scores = matrix([0.5, -2], [3, 0]);
      const weighed = modules.map(
        (module, j) => (h: tf.Tensor2D) => tf.mul<tf.Tensor2D>(module(h), tf.slice(scores, [0, j], [-1, 1])),
      );
      expectClose(numbers(run({modules, scores})), numbers(run({modules: weighed})));
    });

    it('says of a module whether it can stand beside the base', () => {
      expect(aggregator.refusal(2, 2)).to.equal(null);
    });
  });
}

describe('aggregators, worked by hand', () => {
  useCpuBackend();
  // base(h) = [-1, 2.4], [-1.1, 4.6]; first(h) = [1, 2], [-1, 0.1]; second(h) = [3, 30], [7, 70]
  const modules = [first, second];
  const scores = () => matrix([0.5, 2], [1, -1]);

  it('sum: y = f(h) + sum of alpha_j f_j(h)', () => {
    const sum = aggregators.create({kind: 'sum'});
    expectClose(numbers(sum.run(call({modules}))), [3, 34.4, 4.9, 74.7]);
    expectClose(numbers(sum.run(call({modules, scores: scores()}))), [5.5, 63.4, -9.1, -65.3]);
    expect(sum.width(2, [2, 2])).to.equal(2);
    expect(sum.refusal(2, 3)).to.equal('a sum needs modules as wide as the base (2 units), got 3');
  });

  it('concatenation: y = [f(h), alpha_1 f_1(h), ...]', () => {
    const concatenation = aggregators.create({kind: 'concatenation'});
    expectClose(numbers(concatenation.run(call({modules}))), [-1, 2.4, 1, 2, 3, 30, -1.1, 4.6, -1, 0.1, 7, 70]);
    expectClose(
      numbers(concatenation.run(call({modules, scores: scores()}))),
      [-1, 2.4, 0.5, 1, 6, 60, -1.1, 4.6, -1, 0.1, -7, -70],
    );
    expect(concatenation.width(2, [3, 1])).to.equal(6);
    expect(concatenation.refusal(2, 3)).to.equal(null);
  });

  it('concatenation: the base reads its prefix alone, modules read everything', () => {
    const wide = matrix([1, 2, 3, 100], [-1, 0.1, 7, 200]);
    const last = (h: tf.Tensor2D): tf.Tensor2D => tf.slice(h, [0, 3], [-1, 1]);
    const output = aggregators.create({kind: 'concatenation'}).run(call({h: wide, modules: [last]}));
    expectClose(numbers(output), [-1, 2.4, 100, -1.1, 4.6, 200]);
  });
});
