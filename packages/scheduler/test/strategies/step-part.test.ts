import {type HostArray, hostArray} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import type {Reads, RunConfigInput, Strategy, StrategyState} from '../../src/index.ts';
import {collect, dataset, runWith, tinyConfig, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

const plain: Strategy = {taskSpecific: false, mixesTasks: false, rehearsalRows: 0};
const rehearsing = (rows: number): Strategy => ({
  ...plain,
  rehearsalRows: rows,
  rehearse: () => ({rows: Array.from({length: rows}, (_, example) => ({task: 0, example}))}),
});
const train = {epochs: 1, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 0.1}} as const;
const kernel = 'head/segment:0/kernel';

describe('what a strategy may do to a step', () => {
  const engine = useEngine();

  async function parametersAfter(chain: readonly Strategy[], changed: Partial<RunConfigInput> = {}) {
    const config = tinyConfig({
      scenario: 'domain-incremental',
      train,
      strategy: chain.map(() => ({kind: 'joint'})),
      ...changed,
    });
    const {checkpoints, events} = await collect(runWith(config, chain, {engine: engine(), dataset}));
    return {parameters: checkpoints.at(-1)!.network.parameters, states: checkpoints.at(-1)!.strategyStates, events};
  }
  const same = (a: Readonly<Record<string, HostArray>>, b: Readonly<Record<string, HostArray>>): boolean =>
    Object.entries(a).every(([name, {data}]) => data.every((value, i) => Object.is(value, b[name]!.data[i])));

  it('weigh: rows that count nothing move nothing', async () => {
    const without = await parametersAfter([plain]);
    const weightless: Strategy = {
      ...rehearsing(8),
      step: ({rehearsed}) => ({
        key: 'weightless',
        inputs: {},
        weigh: (weights) => {
          expect(rehearsed).to.deep.equal({from: 16, rows: 8});
          return tf.mul(weights, [...Array(16).fill(1), ...Array(8).fill(0)]);
        },
      }),
    };
    const found = await parametersAfter([weightless]);
    const counted = await parametersAfter([rehearsing(8)]);
    for (const [name, {data}] of Object.entries(without.parameters)) {
      expectClose(found.parameters[name]!.data, data, {absolute: 1e-5, relative: 1e-4});
    }
    expect(same(counted.parameters, found.parameters)).to.equal(false);
  });

  it('apart: rows behind the others are as if they were not there, bit for bit; between others they count nothing', async () => {
    const seen: number[][] = [];
    const apart = (rows: number): Strategy => ({
      ...rehearsing(rows),
      step: ({rehearsed}) => ({
        key: 'apart',
        inputs: {},
        apart: rehearsed,
        losses: ({losses, logits, weights, columns}) => {
          seen.push([losses, logits, weights, columns].map(({shape}) => shape[0]!));
          return losses;
        },
        direct: (gradients, {gradientsOf}) => {
          expect(Object.keys(gradientsOf(rehearsed))).to.deep.equal(Object.keys(gradients));
          return gradients;
        },
      }),
    });
    const alone = await parametersAfter([plain]);
    const behind = await parametersAfter([apart(8)]);
    expect(same(behind.parameters, alone.parameters)).to.equal(true);
    expect(seen).to.deep.include([16, 16, 16, 16]);
    const both = await parametersAfter([apart(8), apart(4)]);
    expect(same(both.parameters, alone.parameters)).to.equal(true);
    const replayed = await parametersAfter([rehearsing(8)]);
    const between = await parametersAfter([apart(4), rehearsing(8)]);
    expect(seen).to.deep.include([28, 28, 28, 28]);
    for (const [name, {data}] of Object.entries(replayed.parameters))
      expectClose(between.parameters[name]!.data, data, {absolute: 1e-5, relative: 1e-4});
  });

  it('direct, losses and allowed: without gradient, loss or rival nothing moves', async () => {
    const still: Record<string, Strategy> = {
      direct: {
        ...plain,
        step: () => ({
          key: 'direct',
          inputs: {},
          direct: (gradients) => Object.fromEntries(Object.entries(gradients).map(([k, g]) => [k, tf.zerosLike(g)])),
        }),
      },
      losses: {...plain, step: () => ({key: 'losses', inputs: {}, losses: ({logits}) => tf.mul(tf.sum(logits, 1), 0)})},
      allowed: {
        ...plain,
        step: ({path}) => ({
          key: 'allowed',
          inputs: {},
          allowed: ({columns}) => tf.cast(tf.oneHot(columns as tf.Tensor1D, path.classes.length), 'float32'),
        }),
      },
    };
    for (const [name, strategy] of Object.entries(still)) {
      const config = tinyConfig({scenario: 'domain-incremental', train, strategy: [{kind: 'joint'}]});
      const {checkpoints} = await collect(runWith(config, [strategy], {engine: engine(), dataset}));
      const [first, last] = [checkpoints[0]!, checkpoints.at(-1)!].map(({network}) => network.parameters);
      expect(same(first!, last!), name).to.equal(true);
    }
  });

  it('effective and learned: what is computed with is what gradients are of, those of carried arrays included', async () => {
    // Logits depend on c W alone, so c dL/dc = sum W dL/dW, and logits by other means must agree.
    const seen: Strategy = {
      ...plain,
      enter: () => ({state: {values: {}, arrays: {c: flat([1.5], [1]), euler: flat([0], [1]), apart: flat([0], [1])}}}),
      step: () => ({
        key: 'scaled',
        inputs: {},
        effective: (parameters, {carried}) => ({[kernel]: tf.mul(parameters[kernel]!, carried['c']!)}),
        reads: ({logits, parameters, logitsOf, features, featuresOf}) => ({
          apart: tf.add(
            tf.max(tf.abs(tf.sub(logits, logitsOf(parameters, [0])))),
            tf.max(tf.abs(tf.sub(features, featuresOf(parameters)))),
          ),
          size: tf.max(tf.abs(logits)),
        }),
        carry: {
          names: {c: 'c', euler: 'euler', apart: 'apart'},
          learned: ['c'],
          next: ({carried, carriedGradients, lossGradients, before}) => ({
            c: carried['c']!,
            euler: tf.sub(
              tf.mul(carried['c']!, carriedGradients['c']!),
              tf.reshape(tf.sum(tf.mul(before[kernel]!, lossGradients[kernel]!)), [1]),
            ),
            apart: carriedGradients['c']!,
          }),
        },
      }),
      observe: ({state}, _, reads) => {
        noted.push(reads);
        return state;
      },
    };
    const noted: Reads[] = [];
    const {states} = await parametersAfter([seen]);
    expect(Math.abs(states[0]!.arrays['apart']!.data[0]! as number)).to.be.above(1e-4);
    expect(states[0]!.arrays['euler']!.data[0]).to.be.closeTo(0, 1e-6);
    expect(noted).to.have.length(3 * 4);
    for (const {apart, size} of noted) {
      expect(apart!.data[0]).to.equal(0);
      expect(size!.data[0]).to.be.above(0.01);
    }
  });

  it('feeds and reads: what is sent along stands beside its rows, zeros where nothing is sent', async () => {
    const echoes: number[][][] = [[], []];
    const echo = (place: number, rows: number): Strategy => ({
      ...rehearsing(rows),
      rehearse: ({state}) => {
        const turn = (state.values['turn'] as number | undefined) ?? 0;
        const list = Array.from({length: turn === 0 ? 0 : rows}, (_, example) => ({task: 0, example}));
        if (turn === 0) return {rows: list};
        const sent = Float32Array.from({length: rows}, (_, i) => 100 * place + i);
        return {rows: list, feeds: {sent: hostArray(sent, [rows], 'float32')}};
      },
      step: ({rehearsed}) => ({
        key: {echo: place},
        inputs: {},
        feeds: {sent: {shape: [rows], dtype: 'float32'}},
        reads: ({feeds, weights}) => ({
          sent: feeds['sent']!,
          there: tf.slice(weights, [rehearsed.from], [rehearsed.rows]),
        }),
      }),
      observe: ({state}, _, {sent, there}): StrategyState => {
        echoes[place]!.push([...Array.from(sent!.data), ...Array.from(there!.data)].map(Number));
        return {values: {turn: ((state.values['turn'] as number | undefined) ?? 0) + 1}, arrays: {}};
      },
    });
    await parametersAfter([echo(0, 2), echo(1, 3)]);
    expect(echoes.map((turns) => turns.slice(0, 2))).to.deep.equal([
      [
        [0, 0, 0, 0],
        [0, 1, 1, 1],
      ],
      [
        [0, 0, 0, 0, 0, 0],
        [100, 101, 102, 1, 1, 1],
      ],
    ]);
  });

  it('observe: in the first epoch alone, or in every one where it is asked for', async () => {
    const counts = await Promise.all(
      [false, true].map(async (everyEpoch) => {
        let calls = 0;
        const counting: Strategy = {
          ...plain,
          everyEpoch,
          observe: ({state}) => {
            calls++;
            return state;
          },
        };
        await parametersAfter([counting], {train: {...train, epochs: 3}});
        return calls;
      }),
    );
    expect(counts).to.deep.equal([3 * 4, 3 * 3 * 4]);
  });
});
