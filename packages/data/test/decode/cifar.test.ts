import {isHarnessError} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {concatSplits, decodeCifar} from '../../src/decode/cifar.ts';
import {CIFAR_10_CLASSES, CIFAR_100_CLASSES} from '../../src/sets/cifar-classes.ts';
import {dataErrorOf} from '../support/rejection.ts';

/** A record whose planes are red r, green g, blue b, but for the first pixel, which is black. */
function record(labels: readonly number[], [r, g, b]: readonly [number, number, number]): Uint8Array {
  const planes = [r, g, b].flatMap((value) => [0, ...new Array<number>(1023).fill(value)]);
  return Uint8Array.from([...labels, ...planes]);
}

describe('decodeCifar', () => {
  it('turns colour planes into pixels: a worked example', () => {
    const bytes = Buffer.concat([record([9], [1, 2, 3]), record([0], [4, 5, 6])]);
    const {images, labels, examples} = decodeCifar(bytes, 'cifar-10');
    expect(examples).to.equal(2);
    expect([...labels]).to.deep.equal([9, 0]);
    expect(images.length).to.equal(2 * 3072);
    expect([...images.subarray(0, 9)]).to.deep.equal([0, 0, 0, 1, 2, 3, 1, 2, 3]);
    expect([...images.subarray(3072, 3078)]).to.deep.equal([0, 0, 0, 4, 5, 6]);
  });

  it('takes the fine label of CIFAR-100', () => {
    expect([...decodeCifar(record([19, 99], [1, 2, 3]), 'cifar-100').labels]).to.deep.equal([99]);
  });

  it('refuses parts of records, other files and labels out of range', async () => {
    const refused = async (bytes: Uint8Array, kind: 'cifar-10' | 'cifar-100') =>
      (await dataErrorOf(() => decodeCifar(bytes, kind))).message;
    expect(await refused(new Uint8Array(0), 'cifar-10')).to.contain('records of 3073 bytes, got 0 bytes');
    expect(await refused(new Uint8Array(3074), 'cifar-10')).to.contain('(1 records and 1 bytes)');
    expect(await refused(new Uint8Array(3073), 'cifar-100')).to.contain('records of 3074 bytes');
    expect(await refused(record([10], [0, 0, 0]), 'cifar-10')).to.contain('labels are 0 to 9, got 10 at example 0');
    expect(await refused(record([20, 3], [0, 0, 0]), 'cifar-100')).to.contain('coarse labels: labels are 0 to 19');
    expect(await refused(record([3, 100], [0, 0, 0]), 'cifar-100')).to.contain('labels are 0 to 99, got 100');
  });

  it('answers damage with an error or a result of the right size', () => {
    const whole = Buffer.concat([record([1], [7, 8, 9]), record([2], [7, 8, 9])]);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (cut, at, value) => {
        const bytes = Uint8Array.from(whole)
          .fill(value, at, at + 1)
          .subarray(0, cut);
        try {
          expect(decodeCifar(bytes, 'cifar-10').images.length).to.equal((cut / 3073) * 3072);
        } catch (error) {
          if (!isHarnessError(error)) throw error;
        }
      }),
      {numRuns: 500},
    );
  });

  it('joins splits in order', () => {
    const one = decodeCifar(record([1], [1, 1, 1]), 'cifar-10');
    const two = decodeCifar(record([2], [2, 2, 2]), 'cifar-10');
    const joined = concatSplits([one, two]);
    expect([...joined.labels]).to.deep.equal([1, 2]);
    expect(joined.examples).to.equal(2);
    expect(joined.images.subarray(3072)).to.deep.equal(two.images);
  });

  it('knows 10 and 100 different classes', () => {
    expect(new Set(CIFAR_10_CLASSES).size).to.equal(10);
    expect(new Set(CIFAR_100_CLASSES).size).to.equal(100);
    expect(CIFAR_100_CLASSES).to.deep.equal([...CIFAR_100_CLASSES].sort());
  });
});
