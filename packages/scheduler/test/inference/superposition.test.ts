import {type Network, withParameters} from '@accrete/core';
import {expect} from 'chai';
import {superposition} from '../../src/inference/superposition.ts';
import type {ImageInference} from '../../src/inference/task-inference.ts';
import {trainingRows} from '../../src/streams/stream.ts';
import {refusalOf} from '../support/refusal.ts';
import {runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';
import {flat, twoPixels} from '../support/two-pixels.ts';

describe('task inference by superposition', () => {
  const engine = useEngine();

  /** What is inferred for the pixels (1, 0) and (0, 1) in turn, where task j's hidden unit reads them by these weights. */
  function inferred(search: 'one-shot' | 'binary', weights: readonly (readonly [number, number])[]) {
    const {stream, task, network} = twoPixels(5, [0, 0], 0, [1, -1], [0, 0]);
    const view = (j: number): Network =>
      withParameters(network, {'layer0/base/kernel': flat([...weights[j]!], [2, 1])});
    const {infer} = superposition.create({search}) as ImageInference;
    const seen = [...weights.keys()];
    const rest = {engine: engine(), stream, part: 'train' as const, recognise: null, compiled: () => {}};
    return infer({...rest, rows: trainingRows(task), seen, view}).then((found) => [...found]);
  }

  it('takes the task whose share lowers the entropy the most: the worked example', async () => {
    // logits (u, -u) with u = x . sum_j alpha_j w_j. At (1, 0): u = (2 + 1) / 2; entropy falls with u, so the gradient of task 0,
    // along 2, is lower than that of task 1, along 1. At (0, 1) it is the other way round.
    const weights = [
      [2, 1],
      [1, 2],
    ] as const;
    expect(await inferred('one-shot', weights)).to.deep.equal([0, 1, 0, 1, 0]);
    expect(await inferred('binary', weights)).to.deep.equal([0, 1, 0, 1, 0]);
  });

  it('halves the tasks round by round, and may then see what one gradient does not: by hand', async () => {
    // At (1, 0) all four give u = (3 + 2.5 - 4 + 1) / 4 = 0.625 > 0: the lowest gradients are those of 3 and 2.5, task 0 first.
    // At (0, 1): u = (-4 + 3 + 0 - 1) / 4 = -0.5 < 0: entropy falls as u does, so tasks 0 and 3 stay, then task 0.
    const weights = [
      [3, -4],
      [2.5, 3],
      [-4, 0],
      [1, -1],
    ] as const;
    expect(await inferred('one-shot', weights)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(await inferred('binary', weights)).to.deep.equal([0, 0, 0, 0, 0]);
    // u = (5 + 4 - 4 - 6) / 4 < 0 at first, so the two most negative stay and the last one wins; likewise in one shot.
    const turned = [
      [5, 0],
      [4, 0],
      [-4, 0],
      [-6, 0],
    ] as const;
    expect((await inferred('binary', turned))[0]).to.equal(3);
  });

  it('law: with one task there is nothing to infer; with two, one gradient says what halving does', async () => {
    expect(await inferred('one-shot', [[7, 7]])).to.deep.equal([0, 0, 0, 0, 0]);
    for (const weights of [
      [
        [1, 3],
        [-2, 1],
      ],
      [
        [0.5, -1],
        [0.25, -3],
      ],
    ] as const) {
      expect(await inferred('binary', weights)).to.deep.equal(await inferred('one-shot', weights));
    }
  });

  it('tells permuted tasks apart, with masks over random weights, better than chance', async () => {
    const stream = {kind: 'permuted', dataset: {kind: 'procedural', classes: 6}, tasks: 3} as const;
    const {checkpoints, events} = await runTiny(engine(), {
      scenario: 'domain-incremental',
      stream,
      network: {kind: 'mlp', hidden: [96]},
      train: {epochs: 20, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}},
      strategy: [{kind: 'supsup', optimizer: {kind: 'adam', learningRate: 0.02}}],
      taskInference: {kind: 'superposition'},
    });
    expect(checkpoints).to.have.length(4);
    const last = events.filter((event) => event.type === 'evaluation').slice(-3);
    // Chance is 1/6 of the examples; a task that was taken for another one is worth no more.
    const mean = last.reduce((sum, {accuracy}) => sum + accuracy! / 3, 0);
    expect(mean).to.be.above(0.4);
  });

  it('refuses tasks whose paths are not alike', async () => {
    const {message} = await refusalOf('E_COMBINATION', () =>
      runTiny(engine(), {
        scenario: 'class-incremental',
        strategy: [smallOptions.grow],
        taskInference: {kind: 'superposition'},
      }),
    );
    expect(message).to.contain('is not like that of task 0').and.contain('Set taskInference: lowest-entropy');
  });
});
