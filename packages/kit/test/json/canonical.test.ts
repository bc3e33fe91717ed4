import {expect} from 'chai';
import fc from 'fast-check';
import {canonicalJson, sha256} from '../../src/index.ts';

/** The same value with the keys of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

describe('canonical JSON', () => {
  it('sorts keys at every depth and keeps the order of lists', () => {
    expect(canonicalJson({b: [3, 1, {z: 1, y: 2}], a: null, A: 'x'})).to.equal(
      '{"A":"x","a":null,"b":[3,1,{"y":2,"z":1}]}',
    );
    expect(canonicalJson([2, 1])).to.not.equal(canonicalJson([1, 2]));
  });

  it('law: the order of keys does not matter, and nothing is lost', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).to.equal(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('leaves its argument alone', () => {
    const value = {b: 1, a: 2};
    canonicalJson(value);
    expect(Object.keys(value)).to.deep.equal(['b', 'a']);
  });

  it('refuses what JSON cannot hold, naming the key', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(() => canonicalJson({rate: bad})).to.throw(TypeError, `"rate" is ${bad}`);
      expect(() => canonicalJson([bad])).to.throw(TypeError);
    }
    expect(() => canonicalJson({make: () => 1})).to.throw(TypeError, '"make" is a function');
    expect(() => canonicalJson({mark: Symbol('s')})).to.throw(TypeError, '"mark" is a symbol');
    expect(() => canonicalJson({big: 1n})).to.throw(TypeError);
  });

  it('leaves out keys without a value, but refuses undefined where it would turn into something else', () => {
    expect(canonicalJson({a: 1, b: undefined})).to.equal('{"a":1}');
    expect(() => canonicalJson({list: [1, undefined]})).to.throw(TypeError, '"list" holds undefined');
    expect(() => canonicalJson(undefined)).to.throw(TypeError, 'undefined');
  });
});

describe('sha256', () => {
  it('is SHA-256, of text as of its bytes (FIPS 180 example "abc")', () => {
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256('abc')).to.equal(digest);
    expect(sha256(Uint8Array.of(97, 98, 99))).to.equal(digest);
  });
});
