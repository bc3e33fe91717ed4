import {expect} from 'chai';
import fc from 'fast-check';
import {
  arrayFromBytes,
  bitEqual,
  bytesOf,
  contentHash,
  type DType,
  type HostArray,
  hostArray,
  scalar,
  sizeBytes,
  sizeOf,
  zeros,
} from '../../src/index.ts';

const floats = (...values: number[]): HostArray<'float32'> =>
  hostArray(Float32Array.from(values), [values.length], 'float32');

/** Any array: its bits are random, so NaNs of every kind are among them. */
const anyArray: fc.Arbitrary<HostArray> = fc
  .record({
    dtype: fc.constantFrom<DType>('float32', 'int32', 'uint8', 'bool'),
    shape: fc.array(fc.nat(3), {maxLength: 3}),
  })
  .chain((spec) =>
    fc
      .uint8Array({minLength: sizeBytes(spec), maxLength: sizeBytes(spec)})
      .map((bytes) => arrayFromBytes(new Uint8Array(bytes), spec)),
  );

const copyOf = (array: HostArray): HostArray => arrayFromBytes(new Uint8Array(bytesOf(array)), array);

function withBit(array: HostArray, bit: number): HostArray {
  const bytes = new Uint8Array(bytesOf(array));
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  return arrayFromBytes(bytes, array);
}

describe('host arrays', () => {
  it('count elements and bytes', () => {
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0])]).to.deep.equal([1, 6, 0]);
    expect(sizeBytes({shape: [3], dtype: 'int32'})).to.equal(12);
    expect(sizeBytes({shape: [3], dtype: 'bool'})).to.equal(3);
    expect(zeros([2, 2])).to.deep.equal({shape: [2, 2], dtype: 'float32', data: new Float32Array(4)});
    expect(zeros([1], 'bool').data).to.be.instanceOf(Uint8Array);
    expect(scalar(2)).to.deep.equal({shape: [], dtype: 'float32', data: Float32Array.of(2)});
  });

  it('refuse data of another length or type, and say what was expected', () => {
    expect(() => hostArray(new Float32Array(5), [2, 3], 'float32')).to.throw(/E_SHAPE: shape \[2, 3\] holds 6.*got 5/);
    expect(() => hostArray(new Int32Array(1) as never, [1], 'float32')).to.throw(
      /E_SHAPE: float32.*Float32Array.*Int32/,
    );
    expect(() => arrayFromBytes(new Uint8Array(7), {shape: [2], dtype: 'int32'})).to.throw(/E_SHAPE: .*8 bytes, got 7/);
  });

  it('are bit-equal where every bit is: NaN to itself, 0 not to -0', () => {
    expect(bitEqual(floats(Number.NaN, 1), floats(Number.NaN, 1))).to.equal(true);
    expect(bitEqual(floats(0), floats(-0))).to.equal(false);
    expect(bitEqual(floats(1, 2), hostArray(Float32Array.of(1, 2), [1, 2], 'float32'))).to.equal(false);
    expect(bitEqual(floats(), hostArray(new Float32Array(0), [0, 2], 'float32'))).to.equal(false);
    expect(bitEqual(zeros([2], 'uint8'), zeros([2], 'bool'))).to.equal(false);
    expect(bitEqual(zeros([1]), zeros([1], 'int32'))).to.equal(false);
  });

  it('law: an array equals its copy, and no longer once any one bit is flipped; so does its hash', () => {
    fc.assert(
      fc.property(anyArray, fc.nat(), (array, at) => {
        const copy = copyOf(array);
        expect(bitEqual(array, copy)).to.equal(true);
        expect(contentHash({a: array})).to.equal(contentHash({a: copy}));
        if (sizeBytes(array) === 0) return;
        const flipped = withBit(array, at % (8 * sizeBytes(array)));
        expect(bitEqual(array, flipped)).to.equal(false);
        expect(contentHash({a: array})).to.not.equal(contentHash({a: flipped}));
      }),
    );
  });

  it('law: the bytes of an array give it back, wherever they start in memory', () => {
    fc.assert(
      fc.property(anyArray, fc.nat(7), fc.boolean(), (array, offset, asBuffer) => {
        const length = sizeBytes(array);
        const room = asBuffer ? Buffer.alloc(length + offset) : new Uint8Array(length + offset);
        room.set(bytesOf(array), offset);
        expect(bitEqual(arrayFromBytes(room.subarray(offset), array), array)).to.equal(true);
      }),
    );
  });

  it('view aligned bytes and copy others', () => {
    const room = new Uint8Array(12);
    const aligned = arrayFromBytes(room.subarray(4, 8), {shape: [], dtype: 'int32'});
    const copied = arrayFromBytes(room.subarray(5, 9), {shape: [], dtype: 'int32'});
    room.fill(255);
    expect([aligned.data[0], copied.data[0]]).to.deep.equal([-1, 0]);
  });
});

describe('the content hash', () => {
  it('does not depend on the order in which arrays are listed', () => {
    const [a, b] = [floats(1), floats(2)];
    expect(contentHash({a, b})).to.equal(contentHash({b, a}));
    expect(contentHash({a, b})).to.match(/^[0-9a-f]{64}$/);
  });

  it('depends on names, shapes, dtypes, and what belongs to which name', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const arrays: Record<string, HostArray>[] = [
      {},
      {a: hostArray(data, [4], 'float32')},
      {b: hostArray(data, [4], 'float32')},
      {a: hostArray(data, [2, 2], 'float32')},
      {a: hostArray(data, [4, 1], 'float32')},
      {a: arrayFromBytes(bytesOf(floats(...data)), {shape: [4], dtype: 'int32'})},
      {a: hostArray(new Uint8Array(4), [4], 'uint8')},
      {a: hostArray(new Uint8Array(4), [4], 'bool')},
      {a: floats(1, 2), b: floats(3, 4)},
      {a: floats(1), b: floats(2, 3, 4)},
      {a: floats(3, 4), b: floats(1, 2)},
      {a: floats(), b: floats()},
      {a: floats()},
    ];
    expect(new Set(arrays.map(contentHash)).size).to.equal(arrays.length);
  });
});
