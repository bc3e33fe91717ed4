import {bitEqual} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {type StepContext, type StepTensors, strategies} from '../../src/index.ts';
import {computed, told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {logitHashes, runTiny, smallOptions, tinyConfig, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

describe('expert-gate', () => {
  const engine = useEngine();
  const permuted = {kind: 'permuted', dataset: {kind: 'procedural', classes: 6}, tasks: 3} as const;
  const gate = [{kind: 'expert-gate', width: 16, examples: 60}];
  const withheld = {scenario: 'domain-incremental', stream: permuted, strategy: gate} as const;
  const train = {epochs: 12, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 0.1}} as const;

  it('learns to reconstruct what goes in: the worked example', async () => {
    const arrays = {
      encoder: flat([1, -1], [2, 1]),
      code: flat([0], [1]),
      decoder: flat([2, 0], [1, 2]),
      output: flat([0, 1], [2]),
    };
    const state = {values: {}, arrays: Object.fromEntries(Object.entries(arrays).map(([k, a]) => [`gate:0/${k}`, a]))};
    const path = {spec: {sites: [{id: 'layer0'}]}} as never;
    const part = strategies.create({kind: 'expert-gate'}).step!(
      told<StepContext>({task: {index: 0} as never, state, path}),
    );
    const {term} = await computed(engine(), {...arrays, x: flat([3, 1, 0, 2, 9, 9], [3, 2])}, ({x, ...carried}) => ({
      term: part.term!(told<StepTensors>({hidden: {layer0: x!}, carried, weights: tf.tensor1d([1, 1, 0])})),
    }));
    // (3, 1): code relu(2) -> (4, 1), error (1 + 0) / 2. (0, 2): code relu(-2) = 0 -> (0, 1), error (0 + 1) / 2. The third is not there.
    expectClose(term!, [0.5]);
  });

  it('tells tasks apart that look different, each image by itself', async () => {
    const {events} = await runTiny(engine(), {...withheld, train, taskInference: {kind: 'recognition'}});
    const given = await runTiny(engine(), {...withheld, train, scenario: 'task-incremental'});
    const last = (found: typeof events) =>
      found
        .filter((event) => event.type === 'evaluation')
        .slice(-3)
        .map(({accuracy}) => accuracy!);
    const [told, known] = [last(events), last(given.events)];
    // Nearly what it would be if the task were given.
    told.forEach((accuracy, task) => {
      expect(accuracy, `task ${task}`).to.be.above(known[task]! - 0.2);
    });
  });

  it('keeps experts to the bit, and starts a new one from the one whose gate has the lowest error', async () => {
    const {events, checkpoints} = await runTiny(engine(), {strategy: [smallOptions['expert-gate']]});
    expect(logitHashes(events, 3).map(({size}) => size)).to.deep.equal([1, 1, 1]);
    const reuse = events.filter((event) => event.type === 'growth').filter(({change}) => change === 'reuse');
    expect(reuse.map(({task}) => task)).to.deep.equal([1, 2]);
    for (const {reason} of reuse) {
      const errors = /gates (.*)/.exec(reason)![1]!.split(', ').map(Number);
      expect(Number(/task (\d+)/.exec(reason)![1])).to.equal(errors.indexOf(Math.min(...errors)));
    }
    const {arrays} = checkpoints.at(-1)!.strategyStates[0]!;
    const [first] = checkpoints.slice(1);
    expect(bitEqual(arrays['task:0/layer0/base/kernel']!, first!.network.parameters['layer0/base/kernel']!)).to.equal(
      true,
    );
    expect(Object.keys(arrays).filter((name) => name.startsWith('gate:') && !name.includes('#'))).to.have.length(3 * 4);
  });

  it('nothing of the gates reaches the experts', async () => {
    const weights = async (learningRate: number) => {
      const strategy = [{kind: 'expert-gate', optimizer: {kind: 'sgd', learningRate}}];
      const {checkpoints} = await runTiny(engine(), {strategy});
      return checkpoints[1]!.network.parameters['layer0/base/kernel']!;
    };
    expect(bitEqual(await weights(0.1), await weights(1e-30))).to.equal(true);
  });

  it('is what recognition asks for, and a run without it is refused', async () => {
    const {message} = await refusalOf('E_COMBINATION', async () =>
      tinyConfig({
        scenario: 'class-incremental',
        strategy: [smallOptions.independent],
        taskInference: {kind: 'recognition'},
      }),
    );
    expect(message).to.contain('none here does').and.contain('set taskInference: lowest-entropy');
  });
});
