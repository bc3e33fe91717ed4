import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {followed} from '../../src/strategies/cope.ts';
import {pseudoPrototypicalLosses} from '../../src/strategies/pseudo-prototypical.ts';
import {computed} from '../support/in-step.ts';
import {runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

describe('cope', () => {
  const engine = useEngine();
  // Three rows of classes 0, 0 and 1, and a fourth that only fills the batch up; temperature 1.
  const features = [1, 0, 0.6, 0.8, 0, 1, 1, 0];
  const prototypes = [1, 0, 0, 1];
  const labels = [1, 0, 1, 0, 0, 1, 1, 0];
  const batch = {
    features: flat(features, [4, 2]),
    prototypes: flat(prototypes, [2, 2]),
    labels: flat(labels, [4, 2]),
    weights: flat([1, 1, 1, 0], [4]),
    known: flat([1, 1], [2]),
  };
  const losses = (given: typeof batch) =>
    computed(engine(), given, (tensors) => {
      const loss = (f: tf.Tensor) =>
        pseudoPrototypicalLosses({
          ...(tensors as typeof tensors & Record<keyof typeof batch, tf.Tensor>),
          features: f,
          temperature: 1,
        });
      const gradient = tf.grad((f) => tf.sum(tf.mul(loss(f), tensors['weights']!)))(tensors['features']!);
      return {losses: loss(tensors['features']!), gradient};
    });

  it('draws rows to their class and pushes them from others: the worked example', async () => {
    const {losses: found} = await losses(batch);
    const p = (own: number, other: number) => Math.exp(own) / (Math.exp(own) + Math.exp(other));
    // Row 0 = (1, 0): with its prototype 1 against 0, with row 1 as stand-in 0.6 against 0; and away from class 1, whose
    // prototype (0, 1) gives 0 against 1, as row 2 does.
    const first = -Math.log((p(1, 0) + p(0.6, 0)) / 2) - Math.log(1 - (p(0, 1) + p(0, 1)) / 2);
    // Row 1 = (0.6, 0.8): 0.6 against 0.8, with row 0 the same; away from class 1: 0.8 against 0.6, both ways.
    const second = -Math.log(p(0.6, 0.8)) - Math.log(1 - p(0.8, 0.6));
    // Row 2 = (0, 1) is alone in its class; away from rows 0 (0 against 1) and 1 (0.8 against 1), each averaged with p(0, 1).
    const third = -Math.log(p(1, 0)) - Math.log(1 - p(0, 1)) - Math.log(1 - (p(0, 1) + p(0.8, 1)) / 2);
    expectClose(found!.slice(0, 3), [first, second, third], {relative: 1e-4});
  });

  it('does not look at rows that fill the batch up', async () => {
    const other = {...batch, features: flat([...features.slice(0, 6), 0.28, 0.96], [4, 2])};
    const [one, two] = [await losses(batch), await losses(other)];
    expectClose(two['losses']!.slice(0, 3), one['losses']!.slice(0, 3));
    expectClose(one['gradient']!.slice(6), [0, 0]);
  });

  it('holds what a row is compared with for a constant', async () => {
    // By central differences of row 0's own loss in row 0 alone: the gradient that flows through others would differ.
    const at = async (x: number) => {
      const moved = {...batch, weights: flat([1, 1, 1, 0], [4]), features: flat([x, ...features.slice(1)], [4, 2])};
      return (await losses(moved))['losses']![0]!;
    };
    const slope = ((await at(1.01)) - (await at(0.99))) / 0.02;
    expectClose([(await losses(batch))['gradient']![0]!], [slope], {relative: 1e-2});
  });

  it('moves prototypes towards the mean direction of their rows: the worked example', () => {
    const arrays = {'mean/4': flat([1, 0], [2]), 'mean/7': flat([0, 1], [2])};
    const reads = {
      features: flat([0, 1, 0, 1, 9, 9], [3, 2]),
      columns: flat([0, 0, 1], [3]),
      weights: flat([1, 1, 0], [3]),
    };
    const moved = followed([4, 7], arrays, reads, 0.75);
    expect(Object.keys(moved)).to.deep.equal(['mean/4']);
    // 0.75 (1, 0) + 0.25 (0, 1), scaled to length 1.
    const length = Math.hypot(0.75, 0.25);
    expectClose(moved['mean/4']!.data as Float32Array, [0.75 / length, 0.25 / length]);
  });

  it('law: momentum 1 leaves prototypes where they started; they and the buffer are all it stores', async () => {
    const strategy = [{...smallOptions.cope, momentum: 1}];
    const {checkpoints} = await runTiny(engine(), {scenario: 'class-incremental', strategy});
    const [first, last] = [checkpoints[1]!, checkpoints.at(-1)!].map(({strategyStates}) => strategyStates[0]!);
    const means = Object.keys(first!.arrays).filter((name) => name.startsWith('mean/'));
    expect(means).to.have.length(2);
    for (const name of means) expect([...last!.arrays[name]!.data]).to.deep.equal([...first!.arrays[name]!.data]);
    expect(Object.keys(last!.arrays).filter((name) => name.startsWith('mean/'))).to.have.length(6);
    expect(last!.values['seen']).to.equal(3 * 2 * 27);
  });

  it('starts the prototypes of all classes with the first task where it is told to', async () => {
    const started = async (prototypes: 'as-classes-come' | 'at-once') => {
      const strategy = [{...smallOptions.cope, prototypes}];
      const {checkpoints} = await runTiny(engine(), {scenario: 'class-incremental', strategy});
      const {arrays} = checkpoints[1]!.strategyStates[0]!;
      return Object.keys(arrays).filter((name) => name.startsWith('mean/')).length;
    };
    expect(await started('as-classes-come')).to.equal(2);
    expect(await started('at-once')).to.equal(6);
  });
});
