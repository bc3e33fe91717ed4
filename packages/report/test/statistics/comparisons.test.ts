import {seedStream} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {averageRanks, bcaInterval, comparisons, holmAdjusted, ranks, type SeedValues} from '../../src/index.ts';

const ps = fc.array(fc.double({min: 0, max: 1, noNaN: true}), {minLength: 1, maxLength: 10});
const entry = (strategy: string, values: readonly (number | null)[]): SeedValues => ({
  strategy,
  perSeed: values.map((value, seed) => ({seed, value})),
});

describe("Holm's correction", () => {
  it('matches a case worked by hand', () => {
    // In order: 4 * 0.005, 3 * 0.01, 2 * 0.03, then 1 * 0.04, which may not be below 0.06.
    for (const [i, p] of [0.03, 0.06, 0.06, 0.02].entries()) {
      expect(holmAdjusted([0.01, 0.04, 0.03, 0.005])[i]).to.be.closeTo(p, 1e-12);
    }
    expect(holmAdjusted([])).to.deep.equal([]);
  });

  it('never lowers a p, never exceeds m p or 1, and keeps the order of tests', () => {
    fc.assert(
      fc.property(ps, (raw) => {
        const adjusted = holmAdjusted(raw);
        for (const [i, p] of raw.entries()) {
          expect(adjusted[i]).to.be.within(p, 1);
          if (p === Math.min(...raw)) expect(adjusted[i]).to.be.at.most(raw.length * p + 1e-12);
          for (const [j, q] of raw.entries()) if (p < q) expect(adjusted[i]).to.be.at.most(adjusted[j]!);
        }
      }),
    );
  });
});

describe('ranks', () => {
  it('give the highest 1, share ties, and average over blocks', () => {
    expect(ranks([0.9, 0.8, 0.8, 0.1])).to.deep.equal([1, 2.5, 2.5, 4]);
    expect(
      averageRanks([
        [0.9, 0.8],
        [0.7, 0.8],
        [0.7, 0.6],
      ]),
    ).to.deep.equal([4 / 3, 5 / 3]);
    expect(averageRanks([])).to.deep.equal([]);
  });

  it('always sum to k (k + 1) / 2', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: 0, max: 4}), {minLength: 1, maxLength: 9}), (values) => {
        const sum = ranks(values).reduce((total, rank) => total + rank, 0);
        expect(sum).to.be.closeTo((values.length * (values.length + 1)) / 2, 1e-9);
      }),
    );
  });
});

describe('the BCa interval', () => {
  it('falls back to the percentile interval, and says so, where all values are equal', () => {
    expect(bcaInterval([0.5, 0.5, 0.5], seedStream(0))).to.deep.equal({
      low: 0.5,
      high: 0.5,
      level: 0.95,
      method: 'percentile',
    });
    expect(bcaInterval([1], seedStream(0))).to.equal(null);
  });

  it('lies within the values and moves with them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: -50, max: 50}), {minLength: 2, maxLength: 9}), (values) => {
        const {low, high} = bcaInterval(values, seedStream(0), {resamples: 300})!;
        expect(low).to.be.at.least(Math.min(...values) - 1e-9);
        expect(high).to.be.at.most(Math.max(...values) + 1e-9);
        const moved = bcaInterval(
          values.map((value) => value + 1000),
          seedStream(0),
          {resamples: 300},
        )!;
        expect([moved.low - 1000, moved.high - 1000].map((x) => x.toFixed(6))).to.deep.equal(
          [low, high].map((x) => x.toFixed(6)),
        );
      }),
    );
  });
});

describe('paired comparisons', () => {
  const high = [0.9, 0.8, 0.9, 0.8, 0.9, 0.8, 0.85];
  const low = high.map((value, i) => value - 0.1 - 0.01 * i);

  it('have the mean difference, its interval, and a p corrected for all of them', () => {
    const found = comparisons([entry('a', high), entry('b', low), entry('c', [...high].reverse())]);
    expect(found.map(({first, second}) => `${first}-${second}`)).to.deep.equal(['a-b', 'a-c', 'b-c']);
    const [ab] = found;
    expect(ab!.difference).to.be.closeTo(0.13, 1e-12);
    expect(ab!.interval!.low).to.be.within(0.1, 0.13);
    expect(ab!.p).to.equal(2 / 128);
    expect(ab!.adjusted).to.be.closeTo(6 / 128, 1e-12); // 3 * 2 / 128, below the level.
    expect(ab!.reading).to.equal('told apart');
    expect(found[1]!.reading).to.equal('not told apart');
  });

  it('say what three seeds can show, and what cannot be tested', () => {
    const [three] = comparisons([entry('a', [0.9, 0.8, 0.9]), entry('b', [0.1, 0.1, 0.1])]);
    expect(three!.reading).to.equal('not resolvable with n = 3 (smallest possible two-sided p is 0.25)');
    const six = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    expect(comparisons(['a', 'b', 'c'].map((name) => entry(name, six)))[0]!.reading).to.equal(
      'not resolvable with n = 6 and 3 comparisons (smallest possible corrected p is 0.094)',
    );
    const [unpaired] = comparisons([entry('a', [0.9, null]), entry('b', [0.9, 0.8])]);
    expect(unpaired).to.deep.include({p: null, difference: null});
    expect(unpaired!.reading).to.match(/no finite results for the same seeds/);
    const many = Array.from({length: 21}, (_, i) => i / 21);
    expect(comparisons([entry('a', many), entry('b', many)])[0]!.reading).to.equal('not tested: more than 20 seeds');
    expect(comparisons([entry('a', [1])])).to.deep.equal([]);
  });

  it('are all pairs up to eight strategies, then each with the first', () => {
    const entries = (count: number) => Array.from({length: count}, (_, i) => entry(`s${i}`, [0.1 * i, 0.2 * i]));
    expect([8, 9].map((count) => comparisons(entries(count)).length)).to.deep.equal([28, 8]);
  });
});
