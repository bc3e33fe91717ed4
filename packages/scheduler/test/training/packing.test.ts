import {bitEqual, type HostArray, hostArray, sizeOf} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {packingOf} from '../../src/training/packing.ts';
import {computed} from '../support/in-step.ts';
import {useEngine} from '../support/tiny-run.ts';

const floats = (shape: readonly number[], ...values: number[]): HostArray<'float32'> =>
  hostArray(
    Float32Array.from({length: sizeOf(shape)}, (_, i) => values[i] ?? i),
    shape,
    'float32',
  );

describe('arrays of head segments, held in one', () => {
  const engine = useEngine();
  const arrays = {
    'parameter/site0/base/kernel': floats([1], 7),
    'parameter/head/segment:0/kernel': floats([2, 1], 1, 2),
    'parameter/head/segment:1/kernel': floats([2, 2], 3, 4, 5, 6),
    'slot/head/segment:0/kernel#steps': floats([], 8),
    'slot/head/segment:1/kernel#steps': floats([], 9),
    'parameter/head/segment:2/kernel': floats([3, 1]),
  };

  it('by hand: side by side along the last axis, single numbers in a row; what is alone or of another shape stays', () => {
    const held = Object.values(packingOf(arrays).pack(arrays)).map(({shape, data}) => [shape, [...data]]);
    expect(held).to.deep.equal([
      [[1], [7]],
      [
        [3, 1],
        [0, 1, 2],
      ],
      [
        [2, 3],
        [1, 3, 4, 2, 5, 6],
      ],
      [[2], [8, 9]],
    ]);
  });

  it('law: every array comes back to the bit', async () => {
    const shapes = fc.array(fc.tuple(fc.integer({min: 1, max: 2}), fc.integer({min: 1, max: 4})), {maxLength: 5});
    await fc.assert(
      fc.asyncProperty(shapes, async (drawn) => {
        const given = Object.fromEntries(
          drawn.map(([rows, width], k) => [`parameter/head/segment:${k}/kernel`, floats([rows, width])]),
        );
        const packing = packingOf(given);
        const held = packing.pack(given);
        for (const [name, array] of Object.entries(given))
          expect(bitEqual(await packing.take(name, async (at) => held[at]!), array), name).to.equal(true);
      }),
    );
  });

  it('a function sees and gives each by itself', async () => {
    const packing = packingOf(arrays);
    const doubled = packing.around((inputs) => {
      expect(Object.keys(inputs).sort()).to.deep.equal(Object.keys(arrays).sort());
      return Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, tf.mul(x, name.length)]));
    });
    const made = await computed(engine(), packing.pack(arrays), (inputs) => doubled(inputs, {} as never) as never);
    for (const [name, {data, shape}] of Object.entries(arrays)) {
      const taken = await packing.take(name, async (at) => {
        const values = Float32Array.from(made[at]!);
        return hostArray(values, packing.pack(arrays)[at]!.shape, 'float32');
      });
      expect(taken.shape).to.deep.equal(shape);
      expectClose(
        [...taken.data],
        [...data].map((x) => x * name.length),
      );
    }
  });
});
