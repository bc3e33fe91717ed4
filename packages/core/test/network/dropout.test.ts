import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {evaluation, forward, freeze, growHead, type Network, pathOf} from '../../src/index.ts';
import {dropout} from '../../src/network/dropout.ts';
import {numbers, useCpuBackend} from '../support/cpu-backend.ts';
import {network} from '../support/networks.ts';
import {eagerNoise, givenNoise} from '../support/noise.ts';

/** What reaches the head, with noise in the owners that move; without any where `moving` is null. */
function features({topology, parameters}: Network, moving: readonly string[] | null): readonly number[] {
  const path = pathOf(topology, 0, topology.head.segments);
  return tf.tidy(() => {
    const bound = Object.entries(path.bind).map(([local, at]) => {
      const {data, shape} = parameters[at]!;
      return [local, tf.tensor(data as Float32Array, [...shape])] as const;
    });
    const context = moving === null ? evaluation : {...evaluation, noise: eagerNoise(3), moving: new Set(moving)};
    const x = tf.tensor2d([[255, 128, 64, 200]], [1, 4], 'int32');
    return [...forward(path.spec, Object.fromEntries(bound), x, context).features.dataSync()];
  });
}

describe('dropout', () => {
  useCpuBackend();

  it('sets to 0 what draws less than the rate, and scales the rest: the worked example', () => {
    const noise = givenNoise({mask: [0.1, 0.25, 0.9, 0.2499]});
    const y = tf.tidy(() => dropout(tf.tensor1d([1, 2, 3, 4]), 0.25, noise, 'mask').dataSync());
    expectClose(y, [0, 2 / 0.75, 3 / 0.75, 0]);
  });

  it('keeps the expectation, and drops as often as asked for', () => {
    const y = tf.tidy(() => numbers(dropout(tf.ones([20000]), 0.4, eagerNoise(1), 'mask')));
    expect(y.reduce((a, b) => a + b, 0) / y.length).to.be.closeTo(1, 0.03);
    expect(y.filter((value) => value === 0).length / y.length).to.be.closeTo(0.4, 0.015);
  });

  it('declares no noise at a rate of 0', () => {
    const h = tf.ones([3]);
    expect(dropout(h, 0, givenNoise({}), 'mask')).to.equal(h);
    h.dispose();
  });

  const built = growHead(
    network({hidden: [40, 40], dropout: 0.5, activation: 'linear'}),
    0,
    [0, 1],
    seedStream(2),
  ).network;

  it('is in a network that trains, and in none that is evaluated', () => {
    const plain = growHead(network({hidden: [40, 40], activation: 'linear'}), 0, [0, 1], seedStream(2)).network;
    const trained = features(built, ['site0/base', 'site1/base', 'head/segment:0']);
    expect(trained.filter((value) => value === 0).length).to.be.within(10, 30);
    expect(features(built, null)).to.deep.equal(features(plain, null));
  });

  it('leaves a layer alone in which nothing moves', () => {
    const settled = features(freeze(built, () => true).network, ['head/segment:0']);
    expect(settled).to.deep.equal(features(built, null));
    const last = features(built, ['site1/base', 'head/segment:0']);
    const whole = features(built, null);
    // What comes into the last layer is as in evaluation: what is kept is scaled by 1 / (1 - 0.5), nothing else.
    last.forEach((value, i) => {
      expect(value === 0 || Math.abs(value - 2 * whole[i]!) < 1e-5).to.equal(true);
    });
    expect(last.some((value) => value === 0)).to.equal(true);
  });
});
