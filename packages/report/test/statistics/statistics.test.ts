import {seedStream} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  bootstrapInterval,
  mean,
  median,
  notResolvable,
  quantile,
  sampleSd,
  signFlipTest,
  smallestPossibleP,
} from '../../src/index.ts';

const values = fc.array(fc.double({min: -100, max: 100, noNaN: true}), {minLength: 2, maxLength: 12});

describe('moments and quantiles', () => {
  it('match values worked by hand', () => {
    const sample = [2, 4, 4, 4, 5, 5, 7, 9]; // mean 5, squared deviations sum to 32
    expect(mean(sample)).to.equal(5);
    expect(sampleSd(sample)).to.be.closeTo(Math.sqrt(32 / 7), 1e-12);
    expect(median(sample)).to.equal(4.5);
    expect(median([3, 1, 2])).to.equal(2);
    expect(quantile([1, 2, 3, 4], 0.25)).to.equal(1.75); // type 7, as R's default
  });

  it('have no spread for one value, and nothing at all for none', () => {
    expect(sampleSd([1])).to.equal(null);
    expect(() => mean([])).to.throw(/E_SHAPE.*at least one value/);
    expect(() => quantile([1], 1.5)).to.throw(/E_SHAPE.*from 0 to 1/);
  });
});

describe('the bootstrap interval', () => {
  it('is the same for the same stream and does not advance it', () => {
    const stream = seedStream(1, 'test');
    expect(bootstrapInterval([1, 2, 3, 4], stream)).to.deep.equal(bootstrapInterval([1, 2, 3, 4], stream));
    expect(stream.uint32()).to.equal(seedStream(1, 'test').uint32());
  });

  it('lies within the values, around most of their mass, and is nothing for a single value', () => {
    fc.assert(
      fc.property(values, (sample) => {
        const interval = bootstrapInterval(sample, seedStream(0), {resamples: 200})!;
        expect(interval.low).to.be.at.least(Math.min(...sample) - 1e-9);
        expect(interval.high).to.be.at.most(Math.max(...sample) + 1e-9);
        expect(interval.low).to.be.at.most(interval.high);
      }),
    );
    expect(bootstrapInterval([1], seedStream(0))).to.equal(null);
  });

  it('of two values reaches from one to the other: a quarter of the resamples holds only the one', () => {
    expect(bootstrapInterval([0, 1], seedStream(0))).to.include({low: 0, high: 1});
  });

  it('has about the width of the normal approximation for many values', () => {
    const stream = seedStream(3, 'normal');
    const sample = Array.from({length: 400}, () => stream.normal());
    const {low, high} = bootstrapInterval(sample, seedStream(4))!;
    expect((high - low) / 2).to.be.closeTo((1.96 * sampleSd(sample)!) / 20, 0.01);
  });
});

describe('the sign-flip test', () => {
  it('matches patterns counted by hand', () => {
    // Sums of (1, 2, 3): 6, 4, 2, 0 and their negatives; only +6 and -6 reach 6.
    expect(signFlipTest([1, 2, 3])).to.deep.equal({p: 0.25, n: 3, smallestP: 0.25});
    // Of (3, -1) the sum is 2; all of 4, 2, -2, -4 reach it.
    expect(signFlipTest([3, -1]).p).to.equal(1);
    // Of (5, 4, -1) the sum is 8; reached by 8, 10 and their negatives: 4 of 8.
    expect(signFlipTest([5, 4, -1]).p).to.equal(0.5);
    expect(signFlipTest([0, 0, 0, 0]).p).to.equal(1);
    expect(signFlipTest([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).p).to.equal(2 / 64);
  });

  it('is two-sided, blind to order and scale, and never below its smallest p', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: -50, max: 50}), {minLength: 1, maxLength: 9}), (d) => {
        const {p, smallestP} = signFlipTest(d);
        expect(p).to.be.within(smallestP, 1);
        expect(signFlipTest(d.map((x) => -x)).p).to.equal(p);
        expect(signFlipTest([...d].reverse()).p).to.equal(p);
        expect(signFlipTest(d.map((x) => x * 0.1)).p).to.equal(p);
      }),
    );
  });

  it('says what n pairs can show at most', () => {
    expect(notResolvable(3)).to.equal('not resolvable with n = 3 (smallest possible two-sided p is 0.25)');
    expect(notResolvable(5)).to.match(/0\.063/);
    expect(notResolvable(6)).to.equal(undefined);
    expect(smallestPossibleP(1)).to.equal(1);
    expect(() => signFlipTest([])).to.throw(/E_SHAPE.*1 to 20 pairs, got 0/);
  });
});
