import {bitEqual, type HostArray, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {initializers} from '../../src/index.ts';

const fans = {fanIn: 100, fanOut: 50};
const shape = [200, 250];
const n = 50_000;

/** What each kind promises for these fans: the bound of its values, and its variance. */
const promises = {
  'torch-linear': {config: {kind: 'torch-linear'}, bound: 0.1, variance: 0.1 ** 2 / 3},
  'glorot-uniform': {config: {kind: 'glorot-uniform'}, bound: Math.sqrt(6 / 150), variance: 2 / 150},
  'he-normal': {config: {kind: 'he-normal'}, bound: Infinity, variance: 2 / 100},
  normal: {config: {kind: 'normal', deviation: 0.3}, bound: Infinity, variance: 0.09},
  zeros: {config: {kind: 'zeros'}, bound: 0, variance: 0},
  constant: {config: {kind: 'constant', value: -1.5}, bound: 1.5, variance: 0},
} as const satisfies Record<(typeof initializers.kinds)[number], object>;

const moment = (values: ArrayLike<number>, power: number): number =>
  Array.from(values).reduce((total, x) => total + x ** power, 0) / values.length;

for (const kind of initializers.kinds) {
  describe(`initialiser ${kind}`, () => {
    const {config, bound, variance} = promises[kind];
    const fill = (...path: string[]): HostArray =>
      initializers.parse(config).fill(shape, fans, seedStream(1, kind, ...path));

    it('keeps its bounds, and its moments within five standard errors', () => {
      const {data, shape: got} = fill('a');
      expect(got).to.deep.equal(shape);
      expect(data.every((x) => Math.abs(x) <= bound * (1 + 1e-6))).to.equal(true);
      const centre = kind === 'constant' ? -1.5 : 0;
      expect(moment(data, 1)).to.be.closeTo(centre, 5 * Math.sqrt(variance / n));
      // The variance of x^2 is 0.8 v^2 for a uniform x and 2 v^2 for a normal one.
      const spread = (Number.isFinite(bound) ? 0.8 : 2) * variance ** 2;
      expect(moment(data, 2) - centre ** 2).to.be.closeTo(variance, 5 * Math.sqrt(spread / n));
      if (variance > 0 && Number.isFinite(bound)) {
        expect(Math.max(...data)).to.be.greaterThan(0.99 * bound);
        expect(Math.min(...data)).to.be.lessThan(-0.99 * bound);
      }
    });

    it('gives the same bits for the same path, and others for another where it draws at all', () => {
      expect(bitEqual(fill('a'), fill('a'))).to.equal(true);
      expect(bitEqual(fill('a'), fill('b'))).to.equal(variance === 0);
    });

    it('fills scalars and arrays without elements', () => {
      const fillShape = (size: readonly number[]) => initializers.parse(config).fill(size, fans, seedStream(0));
      expect(fillShape([]).data.length).to.equal(1);
      expect(fillShape([0, 3])).to.deep.equal({shape: [0, 3], dtype: 'float32', data: new Float32Array(0)});
    });
  });
}

it('normal has a standard deviation of 0.02 where none is given', () => {
  expect(initializers.validate({kind: 'normal'})).to.deep.equal({kind: 'normal', deviation: 0.02});
});
