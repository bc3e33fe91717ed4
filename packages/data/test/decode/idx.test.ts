import {isHarnessError} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {decodeIdx, encodeIdx} from '../../src/decode/idx.ts';
import {splitFromIdx} from '../../src/sets/idx-set.ts';
import {dataErrorOf} from '../support/rejection.ts';

describe('decodeIdx', () => {
  it('reads labels: a worked example', () => {
    const decoded = decodeIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9));
    expect(decoded).to.deep.equal({holds: 'labels', examples: 3, labels: Uint8Array.of(7, 0, 9)});
  });

  it('reads images: a worked example, from the middle of a larger buffer', () => {
    const bytes = Uint8Array.of(99, 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4).subarray(1);
    const pixels = Uint8Array.of(1, 2, 3, 4);
    expect(decodeIdx(bytes)).to.deep.equal({holds: 'images', examples: 2, height: 1, width: 2, pixels});
  });

  const bad: readonly (readonly [string, number[], RegExp])[] = [
    ['nothing', [], /4-byte magic number, got 0 bytes/],
    ['gzip', [0x1f, 0x8b, 8, 0, 0, 0], /got 0x1f8b0800. Is it still compressed/],
    ['floats', [0, 0, 0x0d, 1, 0, 0, 0, 1, 0], /0x00000801 \(labels\).*got 0x00000d01/],
    ['two dimensions', [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0], /got 0x00000802/],
    ['a cut header', [0, 0, 8, 3, 0, 0, 0, 1], /3 dimensions takes 16 bytes, got 8/],
    ['no examples', [0, 0, 8, 1, 0, 0, 0, 0], /positive, got \[0\]/],
    ['one byte too few', [0, 0, 8, 1, 0, 0, 0, 2, 1], /has 10 bytes, got 9: it is truncated/],
    ['one byte too many', [0, 0, 8, 1, 0, 0, 0, 2, 1, 1, 1], /has 10 bytes, got 11/],
    ['2^96 pixels', [0, 0, 8, 3, ...new Array(12).fill(255)], /got 16: it is truncated/],
  ];
  for (const [name, bytes, message] of bad) {
    it(`refuses ${name}`, async () => {
      expect((await dataErrorOf(() => decodeIdx(Uint8Array.from(bytes)))).message).to.match(message);
    });
  }

  it('gives back what encodeIdx was given', () => {
    const size = fc.integer({min: 1, max: 6});
    fc.assert(
      fc.property(fc.tuple(size, size, size), fc.infiniteStream(fc.nat(255)), ([n, h, w], stream) => {
        const pixels = Uint8Array.from(stream.take(n * h * w));
        const images = {holds: 'images', examples: n, height: h, width: w, pixels};
        expect(decodeIdx(encodeIdx(pixels, [n, h, w]))).to.deep.equal(images);
        const labels = {holds: 'labels', examples: pixels.length, labels: pixels};
        expect(decodeIdx(encodeIdx(pixels, [pixels.length]))).to.deep.equal(labels);
      }),
    );
  });

  it('answers damage with an error or a result of the length that was given, never otherwise', () => {
    const whole = encodeIdx(new Uint8Array(3 * 4 * 5), [3, 4, 5]);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.array(fc.tuple(fc.nat(24), fc.nat(255)), {maxLength: 6}), (cut, changes) => {
        const bytes = whole.slice(0, cut);
        for (const [at, value] of changes) if (at < cut) bytes[at] = value;
        try {
          const decoded = decodeIdx(bytes);
          const body = decoded.holds === 'images' ? decoded.pixels : decoded.labels;
          expect(body.buffer).to.equal(bytes.buffer);
        } catch (error) {
          if (!isHarnessError(error)) throw error;
        }
      }),
      {numRuns: 500},
    );
  });
});

describe('splitFromIdx', () => {
  const expected = {name: 'x', imageShape: [2, 2, 1] as const, classes: 3};
  const images = encodeIdx(new Uint8Array(8), [2, 2, 2]);

  it('takes images and labels that fit', () => {
    expect(splitFromIdx(images, encodeIdx(Uint8Array.of(2, 0), [2]), expected)).to.deep.equal({
      images: new Uint8Array(8),
      labels: Uint8Array.of(2, 0),
      examples: 2,
    });
  });

  it('refuses files that do not fit together', async () => {
    const labels = encodeIdx(Uint8Array.of(2, 0), [2]);
    const refused = async (a: Uint8Array, b: Uint8Array) =>
      (await dataErrorOf(() => splitFromIdx(a, b, expected))).message;
    expect(await refused(labels, images)).to.contain('got labels and images');
    expect(await refused(encodeIdx(new Uint8Array(8), [2, 1, 4]), labels)).to.contain('images of 2 x 2, got 1 x 4');
    expect(await refused(images, encodeIdx(Uint8Array.of(1), [1]))).to.contain('got 1 and 2');
    expect(await refused(images, encodeIdx(Uint8Array.of(1, 3), [2]))).to.contain(
      'labels are 0 to 2, got 3 at example 1',
    );
  });
});
