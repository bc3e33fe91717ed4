import {type HostArray, hostArray} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {
  emptyState,
  type StepPart,
  type StepTaken,
  type Strategy,
  type StrategyState,
  strategies,
} from '../../src/index.ts';
import {computed, spans, told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {collect, dataset, runTiny, runWith, smallOptions, tinyConfig, useEngine} from '../support/tiny-run.ts';
import {contextAt, flat, twoPixels} from '../support/two-pixels.ts';

const kernel = 'layer0/base/kernel';
/** One task, all of its examples in every batch. */
const stream = {kind: 'split-classes', dataset: {kind: 'procedural', classes: 6}, tasks: 1} as const;
const train = {epochs: 60, batchSize: 500, optimizer: {kind: 'sgd', learningRate: 0.2}} as const;

describe('si', () => {
  const engine = useEngine();

  it('adds -g * delta theta to omega at every step: the worked example', async () => {
    const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const local = 'site0/base/kernel';
    const si = strategies.create({kind: 'si', strength: 1});
    const context = {...contextAt(setting.stream, setting.network, emptyState), path: setting.path, ...spans(4)};
    const {carry} = si.step!({...context, trainable: [local]});
    expect(carry!.names).to.deep.equal({[`omega/${local}`]: `omega/${kernel}`});
    const arrays = {
      before: flat([1, 2], [2, 1]),
      after: flat([0.5, 2.25], [2, 1]),
      gradient: flat([4, 2], [2, 1]),
      omega: flat([10, 20], [2, 1]),
    };
    const {omega} = await computed(engine(), arrays, ({before, after, gradient, omega}) => {
      const next = carry!.next(
        told<StepTaken>({
          before: {[local]: before!},
          after: {[local]: after!},
          lossGradients: {[local]: gradient!},
          carried: {[`omega/${local}`]: omega!},
        }),
      );
      return {omega: next[`omega/${local}`]!};
    });
    // 10 - 4 * (0.5 - 1) = 12; 20 - 2 * (2.25 - 2) = 19.5
    expect(omega).to.deep.equal([12, 19.5]);
  });

  it('divides omega by the squared way and adds up over tasks: the worked example', async () => {
    const setting = twoPixels(4, [3, 1], 0, [0, 0], [0, 0]);
    const state: StrategyState = {
      values: {},
      arrays: {
        [`start/${kernel}`]: flat([1, 1], [2, 1]),
        [`omega/${kernel}`]: flat([9, -7], [2, 1]),
        [`importance/${kernel}`]: flat([0.25, 0.5], [2, 1]),
        [`mean/${kernel}`]: flat([8, 8], [2, 1]),
      },
    };
    const si = strategies.create({kind: 'si', strength: 1, damping: 0.5});
    const change = await si.consolidate!({
      ...contextAt(setting.stream, setting.network, state),
      engine: engine(),
      path: setting.path,
    });
    // 0.25 + 9 / ((3 - 1)^2 + 0.5) = 2.25; 0.5 + relu(-7) / 0.5 = 0.5. The way is forgotten, the anchor is where it ended.
    expect(Object.keys(change.state!.arrays)).to.have.members([`importance/${kernel}`, `mean/${kernel}`]);
    expectClose(change.state!.arrays[`importance/${kernel}`]!.data, [2.25, 0.5]);
    expectClose(change.state!.arrays[`mean/${kernel}`]!.data, [3, 1]);
  });

  it('adds strength times the weighted squared distance: the coefficient is c itself', () => {
    const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const array = setting.network.parameters[kernel]!;
    const state = {values: {}, arrays: {[`importance/${kernel}`]: array, [`mean/${kernel}`]: array}};
    const context = {...contextAt(setting.stream, setting.network, state), path: setting.path, ...spans(4)};
    const {key} = strategies.create({kind: 'si', strength: 4}).step!({...context, trainable: ['site0/base/kernel']});
    expect(key).to.deep.equal({pull: 4, pulled: ['site0/base/kernel']});
  });

  it('pulls by no more than the cap, and adds up what is above it', async () => {
    const setting = twoPixels(4, [3, 1], 0, [0, 0], [0, 0]);
    const state = {
      values: {},
      arrays: {[`importance/${kernel}`]: flat([2, 0.25], [2, 1]), [`mean/${kernel}`]: flat([8, 8], [2, 1])},
    };
    const si = strategies.create({kind: 'si', strength: 4, cap: 0.5});
    const context = {...contextAt(setting.stream, setting.network, state), path: setting.path, ...spans(4)};
    const local = 'site0/base/kernel';
    const {inputs} = si.step!({...context, trainable: [local]});
    expectClose(inputs[`importance/${local}`]!.data as Float32Array, [0.5, 0.25]);
    expectClose(inputs[`mean/${local}`]!.data as Float32Array, [8, 8]);
    const arrays = {
      ...state.arrays,
      [`start/${kernel}`]: flat([3, 0], [2, 1]),
      [`omega/${kernel}`]: flat([0, 11], [2, 1]),
    };
    const change = await si.consolidate!({...context, state: {values: {}, arrays}, engine: engine()});
    // 2 stays 2; 0.25 + 11 / (1 + 0.1) = 10.25
    expectClose(change.state!.arrays[`importance/${kernel}`]!.data, [2, 10.25]);
  });

  it('is told the gradient of the task loss alone, whatever terms there are', async () => {
    const seen = async (weight: number): Promise<HostArray> => {
      const noting: Strategy = {
        taskSpecific: false,
        mixesTasks: false,
        rehearsalRows: 0,
        enter: ({network}) => ({state: {values: {}, arrays: {g: network.parameters[kernel]!}}}),
        step: (): StepPart => ({
          key: {noting: weight},
          inputs: {},
          ...(weight > 0 ? {term: ({parameters}) => tf.mul(weight, tf.sum(parameters['site0/base/kernel']!))} : {}),
          carry: {names: {g: 'g'}, next: ({lossGradients}) => ({g: lossGradients['site0/base/kernel']!})},
        }),
      };
      const config = tinyConfig({train: {...train, epochs: 1}, stream, strategy: [smallOptions.si]});
      const {checkpoints} = await collect(runWith(config, [noting], {engine: engine(), dataset}));
      return checkpoints.at(-1)!.strategyStates[0]!.arrays['g']!;
    };
    const [plain, beside] = [await seen(0), await seen(1000)];
    expect(plain.data.some((g) => Math.abs(Number(g)) > 1e-4)).to.equal(true);
    expectClose(beside.data as Float32Array, plain.data as Float32Array, {relative: 1e-5});
  });

  it('shares out the fall of the loss: along small steps the omegas add up to it', async () => {
    const si = strategies.create({kind: 'si', strength: 1});
    let way: StrategyState = emptyState;
    const noting: Strategy = {
      ...si,
      consolidate: (context) => {
        way = context.state;
        return si.consolidate!(context);
      },
    };
    const config = tinyConfig({train, stream});
    const {events} = await collect(runWith(config, [noting], {engine: engine(), dataset}));
    const losses = events.filter((event) => event.type === 'epoch').map(({loss}) => loss!);
    const omegas = Object.entries(way.arrays).filter(([name]) => name.startsWith('omega/'));
    const total = omegas.reduce((sum, [, {data}]) => sum + (data as Float32Array).reduce((a, b) => a + b, 0), 0);
    const fall = losses[0]! - losses.at(-1)!;
    expect(fall).to.be.above(0.05);
    expect(total).to.be.within(0.9 * fall, 1.2 * fall);
  });

  it('leaves two arrays per parameter behind, and no way under way', async () => {
    const {checkpoints} = await runTiny(engine(), {strategy: [smallOptions.si]});
    for (const {strategyStates} of checkpoints.slice(1)) {
      const kinds = new Set(Object.keys(strategyStates[0]!.arrays).map((name) => name.slice(0, name.indexOf('/'))));
      expect([...kinds].sort()).to.deep.equal(['importance', 'mean']);
    }
  });

  it('refuses an importance that is not finite, naming parameter and task', async () => {
    const setting = twoPixels(4, [3, 1], 0, [0, 0], [0, 0]);
    const omega = hostArray(Float32Array.from([Number.POSITIVE_INFINITY, 0]), [2, 1], 'float32');
    const state = {values: {}, arrays: {[`start/${kernel}`]: flat([1, 1], [2, 1]), [`omega/${kernel}`]: omega}};
    const si = strategies.create({kind: 'si', strength: 1});
    const act = () =>
      si.consolidate!({...contextAt(setting.stream, setting.network, state), engine: engine(), path: setting.path});
    expect((await refusalOf('E_NON_FINITE', act)).message).to.match(/SI: the importance of layer0\/base\/kernel after/);
  });
});
