import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {auxiliaryLoss, negativeLogLikelihood, weightedMean} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';

describe('losses of training', () => {
  useCpuBackend();

  it('negative log-likelihood, worked by hand', () => {
    const logits = matrix([0, 0], [Math.log(3), 0], [-1e9, 0]);
    const losses = negativeLogLikelihood(logits, tf.tensor1d([1, 0, 1], 'int32'));
    expectClose(numbers(losses), [Math.log(2), Math.log(4 / 3), 0]);
    const one = negativeLogLikelihood(matrix([3], [-7]), tf.tensor1d([0, 0], 'int32')); // a single class is certain
    expect(numbers(one).map(Math.abs)).to.deep.equal([0, 0]);
  });

  it('weighted mean, and 0 where no row is there', () => {
    expect(numbers(weightedMean(tf.tensor1d([1, 5, 100]), tf.tensor1d([1, 1, 0])))).to.deep.equal([3]);
    expect(numbers(weightedMean(tf.tensor1d([7]), tf.tensor1d([0])))).to.deep.equal([0]);
  });

  it('adds up what routers and aggregators cost, and says nothing where there is nothing', () => {
    const [losses, weights] = [tf.tensor1d([1, 2]), tf.tensor1d([1, 1])];
    expect(auxiliaryLoss({auxiliary: {}, logProbability: null}, losses, weights)).to.equal(undefined);
    const auxiliary = {balance: tf.scalar(0.5), z: tf.scalar(0.25)};
    expect(numbers(auxiliaryLoss({auxiliary, logProbability: null}, losses, weights)!)).to.deep.equal([0.75]);
  });

  it('score function: its gradient is mean_r (l_r - mean l) grad ln pi_r, none flows through the losses', () => {
    const weights = tf.tensor1d([1, 1, 0]);
    const term = (losses: tf.Tensor, logProbability: tf.Tensor) =>
      auxiliaryLoss({auxiliary: {}, logProbability}, losses, weights)!;
    const losses = tf.tensor1d([1, 4, 50]); // The third is not there: the mean is 2.5.
    const [ofLosses, ofChoices] = tf.grads((l, c) => term(l!, c!))([losses, tf.tensor1d([-1, -2, -3])]);
    expect(numbers(ofChoices!)).to.deep.equal([-0.75, 0.75, 0]);
    expect(numbers(ofLosses!).every((x) => x === 0)).to.equal(true);
  });
});
