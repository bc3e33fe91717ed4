import {expectClose} from '@accrete/testing';
import type * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {decoded, evidenceLosses} from '../../src/strategies/autoencoder.ts';
import {labelledLosses} from '../../src/strategies/generative-replay.ts';
import {computed} from '../support/in-step.ts';
import {accuracies, runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

describe('generative replay', () => {
  const engine = useEngine();
  // One pixel, one hidden unit, a code of one number.
  const autoencoder = {
    'inner/kernel': flat([2], [1, 1]),
    'inner/bias': flat([0], [1]),
    'mean/kernel': flat([1], [1, 1]),
    'mean/bias': flat([-0.5], [1]),
    'spread/kernel': flat([0], [1, 1]),
    'spread/bias': flat([Math.log(4)], [1]),
    'outer/kernel': flat([1], [1, 1]),
    'outer/bias': flat([0], [1]),
    'pixels/kernel': flat([3], [1, 1]),
    'pixels/bias': flat([-1], [1]),
  };
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

  it('bounds the evidence of an image, and makes images of codes: the worked example', async () => {
    const arrays = {...autoencoder, image: flat([0.75], [1, 1]), noise: flat([0.25], [1, 1])};
    const {losses, image} = await computed(engine(), arrays, ({image, noise, ...given}) => ({
      losses: evidenceLosses(given, image!, noise!),
      image: decoded(given, noise!),
    }));
    // Inner 1.5, mean 1, variance 4; code 1 + 2 * 0.25 = 1.5; logit 3 * 1.5 - 1 = 3.5.
    const y = sigmoid(3.5);
    const mismatch = -(0.75 * Math.log(y) + 0.25 * Math.log(1 - y));
    expectClose(losses!, [mismatch + (1 + 4 - Math.log(4) - 1) / 2], {relative: 1e-4});
    expectClose(image!, [sigmoid(3 * 0.25 - 1)]);
  });

  it('labels an image by the teacher, among its columns, for the student to find among its own: the worked example', async () => {
    const arrays = {logits: flat([1, 2, 3], [1, 3]), wanted: flat([5, 4, 9], [1, 3])};
    const of = async (teacher: number[], student: number[]) =>
      (
        await computed(engine(), arrays, ({logits, wanted}) => ({
          losses: labelledLosses(logits as tf.Tensor2D, wanted as tf.Tensor2D, [{teacher, student}]),
        }))
      )['losses']!;
    const among = (target: number, columns: number[]) =>
      Math.log(columns.reduce((sum, logit) => sum + Math.exp(logit), 0)) - target;
    // The third column is new: the teacher's 9 there is no label.
    expectClose(await of([1, 1, 0], [1, 1, 1]), [among(1, [1, 2, 3])], {relative: 1e-5});
    expectClose(await of([1, 1, 0], [1, 1, 0]), [among(1, [1, 2])], {relative: 1e-5});
    expectClose(await of([1, 1, 1], [1, 1, 1]), [among(3, [1, 2, 3])], {relative: 1e-5});
  });

  it('keeps the autoencoder from task to task, and nothing of the teacher', async () => {
    const {checkpoints} = await runTiny(engine(), {
      scenario: 'class-incremental',
      strategy: [smallOptions['generative-replay']],
    });
    const states = checkpoints.slice(1).map(({strategyStates}) => strategyStates[0]!.arrays);
    for (const arrays of states) {
      const names = Object.keys(arrays);
      expect(names).to.have.length(10);
      expect(names.every((name) => name.startsWith('autoencoder/'))).to.equal(true);
    }
    const pixels = states.map((arrays) => [...arrays['autoencoder/pixels/bias']!.data]);
    expect(pixels[1]).not.to.deep.equal(pixels[0]);
  });

  it('law: with as many images as own rows, weighing by rows is weighing by tasks as long as there are two', async () => {
    const [byTasks, byRows] = await Promise.all(
      (['by-tasks', 'by-rows'] as const).map(async (weighting) => {
        const {checkpoints} = await runTiny(engine(), {
          scenario: 'class-incremental',
          train: {epochs: 1, batchSize: 8, optimizer: {kind: 'sgd', learningRate: 0.1}},
          strategy: [{...smallOptions['generative-replay'], rows: 8, weighting}],
        });
        return checkpoints.map(({network}) => [...network.parameters['layer0/base/kernel']!.data]);
      }),
    );
    expect(byRows!.slice(0, 3)).to.deep.equal(byTasks!.slice(0, 3));
    expect(byRows![3]).not.to.deep.equal(byTasks![3]);
  });

  it('forgets less than fine-tuning does', async () => {
    const train = {epochs: 15, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 0.1}} as const;
    const first = async (strategy: {readonly kind: string}[]) => {
      const {events} = await runTiny(engine(), {scenario: 'class-incremental', train, strategy});
      return accuracies(events)
        .at(-1)!
        .slice(0, 2)
        .reduce<number>((sum, accuracy) => sum + accuracy!, 0);
    };
    const options = {
      kind: 'generative-replay',
      rows: 32,
      hidden: 32,
      latent: 8,
      optimizer: {kind: 'adam', learningRate: 0.005},
    };
    expect(await first([options])).to.be.above((await first([])) + 0.2);
  });
});
