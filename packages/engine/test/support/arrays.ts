import {type DType, type HostArray, hostArray, seedStream, sizeOf} from '@accrete/kit';
import fc from 'fast-check';

/** Numbers with many ties, zeros and halves among them, and numbers without. */
const numbers = fc.oneof(
  fc.integer({min: -24, max: 24}).map((n) => n / 8),
  fc.double({min: -4, max: 4, noNaN: true}).map(Math.fround),
);

const range = {
  any: numbers,
  positive: numbers.map((x) => Math.abs(x) + 0.125),
  unit: numbers.map((x) => Math.fround(Math.sin(x) * 0.9)),
  aboveOne: numbers.map((x) => Math.abs(x) + 1.25),
  whole: fc.integer({min: -9, max: 9}),
  index: fc.integer({min: 0, max: 2}),
  bit: fc.integer({min: 0, max: 1}),
} as const;

/** What the elements of an arbitrary array may be. */
export type Domain = keyof typeof range;

/** Shapes of rank `min` to `max` with axes of 1 to 4. */
export function shapes(min = 0, max = 3): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({min: 1, max: 4}), {minLength: min, maxLength: max});
}

/** Arrays of a shape. */
export function arrays(
  shape: readonly number[],
  domain: Domain = 'any',
  dtype: DType = 'float32',
): fc.Arbitrary<HostArray> {
  const size = sizeOf(shape);
  const kind = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array}[dtype];
  return fc
    .array(range[domain], {minLength: size, maxLength: size})
    .map((values) => hostArray(kind.from(values) as never, shape, dtype) as HostArray);
}

/** One array of any shape. */
export function anyArray(
  domain: Domain = 'any',
  dtype: DType = 'float32',
  min = 0,
  max = 3,
): fc.Arbitrary<HostArray[]> {
  return shapes(min, max).chain((shape) => arrays(shape, domain, dtype).map((array) => [array]));
}

/** Two arrays whose shapes broadcast: axes of one or the other are 1 or left out. */
export function broadcastPair(
  domains: readonly [Domain, Domain] = ['any', 'any'],
  dtypes: readonly [DType, DType] = ['float32', 'float32'],
): fc.Arbitrary<HostArray[]> {
  const part = (shape: readonly number[]) =>
    fc
      .tuple(fc.integer({min: 0, max: shape.length}), fc.array(fc.boolean(), {minLength: 3, maxLength: 3}))
      .map(([drop, ones]) => shape.map((n, i) => (ones[i] ? 1 : n)).slice(drop));
  return shapes()
    .chain((shape) => fc.tuple(part(shape), part(shape)))
    .chain(([a, b]) => fc.tuple(arrays(a, domains[0], dtypes[0]), arrays(b, domains[1], dtypes[1])))
    .map(([a, b]) => [a, b]);
}

/** Arrays drawn from a seed: normal numbers, and whole ones from 0 to below a number. */
export function drawn(seed: number): {
  floats(...shape: number[]): HostArray;
  ints(below: number, ...shape: number[]): HostArray;
} {
  const random = seedStream(seed);
  return {
    floats: (...shape) =>
      hostArray(
        Float32Array.from({length: sizeOf(shape)}, () => random.normal()),
        shape,
        'float32',
      ),
    ints: (below, ...shape) =>
      hostArray(
        Int32Array.from({length: sizeOf(shape)}, () => random.integer(below)),
        shape,
        'int32',
      ),
  };
}
