import type {HostArray} from '@accrete/kit';
import {expect} from 'chai';

/** How far apart two numbers may be: `absolute + relative * |expected|`. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/**
 * Expects equal shapes and dtypes, and elements that agree within the tolerance. NaN agrees with NaN alone, an infinity with
 * itself alone; what is not float must be equal.
 */
export function expectClose(actual: HostArray, expected: HostArray, tolerance: Tolerance, what = 'array'): void {
  expect(actual.shape, `shape of ${what}`).to.deep.equal(expected.shape);
  expect(actual.dtype, `dtype of ${what}`).to.equal(expected.dtype);
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i]!, expected.data[i]!];
    const bound = expected.dtype === 'float32' ? tolerance.absolute + tolerance.relative * Math.abs(e) : 0;
    const close = Object.is(a, e) || a === e || Math.abs(a - e) <= bound;
    if (!close) expect.fail(`${what}[${i}] is ${a}, expected ${e} within ${bound}`);
  }
}
