import {expect} from 'chai';
import fc from 'fast-check';
import {seedStream} from '../src/index.ts';

describe('seed streams', () => {
  it('draw the same numbers for the same seed and path, whatever else was drawn', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.string(), {maxLength: 3}), fc.nat(20), (seed, path, other) => {
        const root = seedStream(seed);
        for (let i = 0; i < other; i++) root.uint32();
        expect(root.fork(...path).uint32()).to.equal(seedStream(seed, ...path).uint32());
      }),
    );
  });

  it('differ between paths, also where joining the names would give one text', () => {
    const root = seedStream(0);
    const draws = [root.fork('a', 'b'), root.fork('a/b'), root.fork('ab'), root.fork('a'), root].map((s) => s.uint32());
    expect(new Set(draws).size).to.equal(draws.length);
  });

  it('take seed 0 as any other, and refuse what is no seed', () => {
    expect(seedStream(0).uint32()).to.not.equal(seedStream(1).uint32());
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => seedStream(bad)).to.throw(/E_CONFIG.*0 to 2\^53/);
  });

  it('are uniform and normal enough: moments of 100,000 draws within five standard errors', () => {
    const n = 100_000;
    const stream = seedStream(7, 'moments');
    const uniform = Array.from({length: n}, () => stream.uniform());
    expect(mean(uniform)).to.be.closeTo(0.5, 5 * Math.sqrt(1 / 12 / n));
    const normal = Array.from({length: n}, () => stream.normal());
    expect(mean(normal)).to.be.closeTo(0, 5 / Math.sqrt(n));
    expect(mean(normal.map((x) => x * x))).to.be.closeTo(1, 5 * Math.sqrt(2 / n));
  });

  it('permute: every index once', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), (length, seed) => {
        const order = [...seedStream(seed).permutation(length)].sort((a, b) => a - b);
        expect(order).to.deep.equal(Array.from({length}, (_, i) => i));
      }),
    );
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
