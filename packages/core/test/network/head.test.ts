import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {computations, evaluation, type ModuleTensors, type PathModule} from '../../src/index.ts';
import {headLogits} from '../../src/network/head.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';

const segment = (inputs: number, units: number, kind = 'dense'): PathModule => ({
  computation: computations.validate({kind}),
  inputs,
  units,
  beside: null,
});

const logits = (segments: readonly PathModule[], owned: readonly ModuleTensors[], features: tf.Tensor): tf.Tensor2D =>
  headLogits(segments, (local) => owned[Number(local.replace('head/segment:', ''))]!, features, evaluation);

/** How many matrix products a function takes. */
async function products(run: () => tf.Tensor): Promise<number> {
  const {kernels} = await tf.profile(run);
  return kernels.filter(({name}) => name === 'BatchMatMul').length;
}

describe('a head of several segments', () => {
  useCpuBackend();
  const known = () => ({
    features: matrix([1, 0, 2], [2, 5, -1]),
    narrow: {kernel: matrix([1], [2], [0]), bias: tf.tensor1d([10])},
    wide: {kernel: matrix([0, -1], [3, 1], [1, 1]), bias: tf.tensor1d([0, 0.5])},
    reader: {kernel: matrix([4]), bias: tf.tensor1d([0])},
  });

  it('by hand: segments side by side, in their order', async () => {
    const {features, narrow, wide} = known();
    const segments = [segment(3, 1), segment(3, 2)];
    const made = logits(segments, [narrow, wide], features);
    expect(made.shape).to.deep.equal([2, 3]);
    expectClose(numbers(made), [11, 2, 1.5, 22, 14, 2.5]);
  });

  it('takes one product for neighbours that are computed alike, and each its own where they read otherwise', async () => {
    const {features, narrow, wide, reader} = known();
    const alike = [segment(3, 1), segment(3, 2), segment(3, 1)];
    expect(await products(() => logits(alike, [narrow, wide, narrow], features))).to.equal(1);
    // A segment that came when fewer features did reads those that were there then.
    const mixed = [segment(3, 1), segment(1, 1), segment(3, 2)];
    const made = logits(mixed, [narrow, reader, wide], features);
    expectClose(numbers(made), [11, 4, 2, 1.5, 22, 8, 14, 2.5]);
    expect(await products(() => logits(mixed, [narrow, reader, wide], features))).to.equal(3);
  });

  it('gradients come to each segment', () => {
    const {features, narrow, wide} = known();
    const kernels = [narrow.kernel, wide.kernel];
    const loss = (...given: tf.Tensor[]): tf.Scalar => {
      const owned = given.map((kernel, k) => ({kernel, bias: [narrow, wide][k]!.bias}));
      return tf.sum(tf.square(logits([segment(3, 1), segment(3, 2)], owned, features)));
    };
    const apart = (...given: tf.Tensor[]): tf.Scalar =>
      tf.addN(
        given.map((kernel, k) =>
          tf.sum(tf.square(tf.add(tf.matMul(features, kernel as tf.Tensor2D), [narrow, wide][k]!.bias))),
        ),
      );
    const [joined, alone] = [tf.grads(loss)(kernels), tf.grads(apart)(kernels)];
    joined.forEach((gradient, k) => {
      expectClose(numbers(gradient), numbers(alone[k]!));
    });
  });
});
