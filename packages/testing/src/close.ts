import {expect} from 'chai';

/** How far numbers may be apart: |a - b| <= absolute + relative * |b|. */
export interface Tolerance {
  readonly absolute?: number;
  readonly relative?: number;
}

/** Fails unless both lists have one length, all numbers are finite, and each pair is within the tolerance. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}): void {
  const {absolute = 1e-6, relative = 1e-5} = tolerance;
  expect(actual.length, 'length').to.equal(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    expect(Number.isFinite(a) && Number.isFinite(b), `[${i}] is ${a}, expected ${b}: both finite`).to.equal(true);
    expect(Math.abs(a - b), `[${i}]: got ${a}, expected ${b}`).to.be.at.most(absolute + relative * Math.abs(b));
  }
}
