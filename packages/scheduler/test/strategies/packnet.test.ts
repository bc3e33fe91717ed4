import {bitEqual, hostArray, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {type Checkpoint, emptyState, type RunConfigInput, type Strategy, strategies, streams} from '../../src/index.ts';
import {Session} from '../../src/run/session.ts';
import {told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';
import {collect, dataset, logitHashes, runTiny, runWith, tinyConfig, useEngine} from '../support/tiny-run.ts';

const kernels = {'layer0/base/kernel': 36 * 12, 'layer1/base/kernel': 12 * 8};
const options = {kind: 'packnet', prune: 0.6, retrainEpochs: 2} as const;
// Weight decay and momentum move whatever is not truly frozen.
const optimizer = {kind: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.01} as const;
const train: RunConfigInput['train'] = {epochs: 2, batchSize: 16, optimizer, atBoundary: 'keep'};

function ownersOf({strategyStates}: Checkpoint, kernel: string): Uint8Array {
  return strategyStates[0]!.arrays[`owner/${kernel}`]!.data as Uint8Array;
}

function count(values: Uint8Array, wanted: number): number {
  return values.filter((value) => value === wanted).length;
}

/** PackNet with a part replaced. */
function variant(changed: (whole: Strategy) => Partial<Strategy>): Strategy {
  const whole = strategies.create(options);
  return {...whole, ...changed(whole)};
}

describe('packnet', () => {
  const engine = useEngine();

  it('frees exactly round(prune * n) of the n weights that each task has in each kernel', async () => {
    for (const prune of [0, 0.3, 0.6, 0.75]) {
      const {checkpoints} = await runTiny(engine(), {train, strategy: [{...options, prune}]});
      for (const [kernel, size] of Object.entries(kernels)) {
        let own = size;
        for (const [task, checkpoint] of checkpoints.slice(1).entries()) {
          const freed = Math.round(prune * own);
          const owners = ownersOf(checkpoint, kernel);
          expect(count(owners, task + 1), `${kernel}, task ${task}`).to.equal(own - freed);
          expect(count(owners, 0), `${kernel}, task ${task}`).to.equal(freed);
          own = freed;
        }
      }
    }
  });

  it('keeps owners and kept weights to the bit, free weights at 0, and biases still after the first task', async () => {
    const {checkpoints} = await runTiny(engine(), {train, strategy: [options]}, {checkpointEverySteps: 2});
    const ends = checkpoints.filter(({cursor}) => !cursor.begun && cursor.task > 0);
    expect(ends).to.have.length(3);
    for (const end of ends) {
      const later = checkpoints.slice(checkpoints.indexOf(end));
      expect(later.length).to.equal(end.cursor.task === 3 ? 1 : later.length);
      for (const kernel of Object.keys(kernels)) {
        const [owners, weights] = [ownersOf(end, kernel), end.network.parameters[kernel]!.data];
        const kept = [...owners.keys()].filter((i) => owners[i]! > 0);
        const free = [...owners.keys()].filter((i) => owners[i] === 0);
        expect(
          free.every((i) => Object.is(weights[i], 0)),
          kernel,
        ).to.equal(true);
        expect(
          kept.filter((i) => weights[i] === 0),
          kernel,
        ).to.have.length(0);
        for (const checkpoint of later) {
          const now = checkpoint.network.parameters[kernel]!.data;
          expect(kept.every((i) => Object.is(now[i], weights[i]))).to.equal(true);
          expect(kept.every((i) => ownersOf(checkpoint, kernel)[i] === owners[i])).to.equal(true);
        }
      }
      for (const {network} of later) {
        for (const bias of ['layer0/base/bias', 'layer1/base/bias'])
          expect(bitEqual(network.parameters[bias]!, end.network.parameters[bias]!), bias).to.equal(true);
      }
    }
    const [start, first] = checkpoints;
    expect(
      bitEqual(start!.network.parameters['layer0/base/bias']!, ends[0]!.network.parameters['layer0/base/bias']!),
    ).to.equal(false);
    expect(first).not.to.equal(undefined);
  });

  it('prunes the smallest by size, ties by position', async () => {
    const config = tinyConfig({network: {kind: 'mlp', hidden: [2]}, strategy: [options]});
    const {network: built} = new Session(config, {engine: engine(), dataset: tinyDataset({classes: 6, size: 2})});
    const kernel = hostArray(Float32Array.of(-1, 0.5, 0.25, -0.25, 9, 0.25, -0.125, 3), [4, 2], 'float32');
    const network = {...built, parameters: {...built.parameters, 'layer0/base/kernel': kernel}};
    const owner = hostArray(Uint8Array.of(2, 2, 2, 2, 1, 2, 1, 2), [4, 2], 'uint8');
    const state = {values: {}, arrays: {'owner/layer0/base/kernel': owner}};
    const stream = streams.parse(config.stream).build(dataset, 'task-incremental', seedStream(1));
    type Entering = Parameters<NonNullable<Strategy['enter']>>[0];
    const entering = (name: string) =>
      told<Entering>({
        task: stream.tasks[1]!,
        stream,
        network,
        state,
        seeds: seedStream(1),
        phase: {name, epochs: 1},
      });
    const pruned = await strategies.create({...options, prune: 0.4}).enter!(entering('retrain'));
    // round(0.4 * 6) = 2 of task 1's own: 0.25 at 2 and -0.25 at 3 come before 0.25 at 5; task 0's -0.125 is not its own.
    expect([...pruned.state!.arrays['owner/layer0/base/kernel']!.data]).to.deep.equal([2, 2, 0, 0, 1, 2, 1, 2]);
    const weights = [...pruned.network!.parameters['layer0/base/kernel']!.data];
    expect(weights).to.deep.equal([-1, 0.5, 0, 0, 9, 0.25, -0.125, 3]);
    expect([...kernel.data], 'the network given is left alone').to.deep.equal([
      -1, 0.5, 0.25, -0.25, 9, 0.25, -0.125, 3,
    ]);
    expect(await strategies.create(options).enter!(entering('train'))).to.deep.equal({});
  });

  it('shows a task the weights of itself and of earlier tasks only', () => {
    const {network: built} = new Session(tinyConfig({network: {kind: 'mlp', hidden: [2]}}), {
      engine: engine(),
      dataset: tinyDataset({classes: 6, size: 2}),
    });
    const kernel = hostArray(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [4, 2], 'float32');
    const network = {...built, parameters: {...built.parameters, 'layer0/base/kernel': kernel}};
    const owner = hostArray(Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 3), [4, 2], 'uint8');
    const state = {values: {}, arrays: {'owner/layer0/base/kernel': owner}};
    const seen = [0, 1, 2].map((task) => {
      const {parameters} = strategies.create(options).view!({network, state, task});
      return [...parameters['layer0/base/kernel']!.data];
    });
    expect(seen).to.deep.equal([
      [0, 2, 0, 0, 0, 6, 0, 0],
      [0, 2, 3, 0, 0, 6, 7, 0],
      [0, 2, 3, 4, 0, 6, 7, 8],
    ]);
    expect(strategies.create(options).view!({network, state: emptyState, task: 0})).to.deep.equal(network);
  });

  it('gives old tasks bit-identical logits through all later tasks', async () => {
    for (const network of [
      {kind: 'mlp', hidden: [12, 8]},
      {kind: 'mlp', hidden: [12], activation: 'tanh'},
    ] as const) {
      const {events} = await runTiny(engine(), {train, network, strategy: [options]});
      expect(logitHashes(events, 3).map(({size}) => size)).to.deep.equal([1, 1, 1]);
    }
  });

  const hashesOf = async (strategy: Strategy): Promise<number[]> => {
    const config = tinyConfig({train, strategy: [options]});
    const {events} = await collect(runWith(config, [strategy], {engine: engine(), dataset}));
    return logitHashes(events, 3).map(({size}) => size);
  };

  it('that test sees freezing switched off: mask, biases, view or owners', async () => {
    expect(await hashesOf(variant(() => ({})))).to.deep.equal([1, 1, 1]);
    const unmasked = variant(() => ({step: () => ({key: 'unmasked', inputs: {}})}));
    expect(await hashesOf(unmasked)).to.deep.equal([3, 2, 1]);
    const movingBiases = variant(({plan}) => ({
      plan: (context) => {
        const {still: _, ...rest} = plan!(context);
        return rest;
      },
    }));
    expect(await hashesOf(movingBiases)).to.deep.equal([3, 2, 1]);
    const wholeView = variant(() => ({view: ({network}) => network}));
    expect(await hashesOf(wholeView)).to.deep.equal([3, 2, 1]);
    const reclaimed = variant(({plan}) => ({plan: (context) => plan!({...context, state: emptyState})}));
    // Once another task owns everything, task 0 sees only zeros.
    expect(await hashesOf(reclaimed)).to.deep.equal([2, 2, 1]);
  });

  it('refuses more tasks than one byte can tell apart', async () => {
    const stream: RunConfigInput['stream'] = {kind: 'permuted', dataset: {kind: 'procedural', classes: 6}, tasks: 256};
    const run = () => runTiny(engine(), {stream, strategy: [options], evaluate: {beforeTraining: false}});
    const {message} = await refusalOf('E_COMBINATION', run);
    expect(message).to.contain('expected at most 255 tasks, got 256. Use fewer tasks.');
  });
});
