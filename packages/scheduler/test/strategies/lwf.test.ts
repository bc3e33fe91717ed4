import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {emptyState, type Scenario, type StepTensors, type Strategy, strategies} from '../../src/index.ts';
import {computed, spans, told} from '../support/in-step.ts';
import {collect, dataset, runTiny, runWith, smallOptions, tinyConfig, useEngine} from '../support/tiny-run.ts';
import {contextAt, flat, twoPixels} from '../support/two-pixels.ts';

const bias = 'head/segment:0/bias';

describe('lwf', () => {
  const engine = useEngine();

  it('is the cross-entropy of softened predictions, times the temperature squared: the worked example', async () => {
    const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const lwf = strategies.create({kind: 'lwf', strength: 3, temperature: 2});
    // Softened by 2: the teacher's logits (2 ln 3, 0) are (3/4, 1/4), those of the network, (2 ln 4, 0), are (4/5, 1/5).
    const teacher = flat([2 * Math.log(3), 0], [2]);
    const state = {values: {}, arrays: {[`teacher/${bias}`]: teacher}};
    const context = contextAt(setting.stream, setting.network, state);
    const part = lwf.step!({
      ...context,
      ...{task: {...setting.task, index: 1}, path: setting.path, trainable: [bias], ...spans(2)},
    });
    expect(part.inputs).to.deep.equal({[bias]: teacher});
    const arrays = {own: flat([2 * Math.log(4), 0], [2]), teacher, weights: flat([1, 0], [2])};
    const {term} = await computed(engine(), arrays, ({own, teacher, weights}) => {
      const rows = (logits: tf.Tensor) => tf.concat([tf.reshape(logits, [1, 2]), tf.tensor2d([[7, -7]])]);
      return {
        term: part.term!(
          told<StepTensors>({
            ...{parameters: {[bias]: own!}, weights: weights!, inputs: {[bias]: teacher!}},
            logitsOf: (parameters) => rows(parameters[bias]!),
          }),
        ),
      };
    });
    const wanted = -3 * 2 ** 2 * (0.75 * Math.log(0.8) + 0.25 * Math.log(0.2)); // The row of weight 0 is not there.
    expectClose(term!, [wanted], {relative: 1e-5});
  });

  it('leaves columns out whose classes are still to come: the worked example', async () => {
    const {stream, network, task, path} = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const [segment] = path.segments;
    const context = {
      ...contextAt({...stream, tasks: [{...task, classes: [2, 0]}, task]}, network, emptyState),
      ...{task: {...task, index: 1}, path: {...path, segments: [{...segment!, classes: [0, 1, 2]}]}, trainable: []},
      ...spans(1),
    };
    const part = strategies.create({kind: 'lwf', strength: 1, temperature: 2}).step!(context);
    // Of classes 0 and 2 alone the teacher's softened predictions are (3/4, 1/4) and those of the network (4/5, 1/5).
    const [teacher, own] = [
      [2 * Math.log(3), 9, 0],
      [2 * Math.log(4), -5, 0],
    ];
    const {term} = await computed(engine(), {weights: flat([1], [1])}, ({weights}) => ({
      term: part.term!(
        told<StepTensors>({
          ...{parameters: {at: tf.scalar(0)}, weights: weights!, inputs: {teacher: tf.scalar(0)}},
          logitsOf: (given) => tf.tensor2d([('teacher' in given ? teacher : own)!]),
        }),
      ),
    }));
    expectClose(term!, [-4 * (0.75 * Math.log(0.8) + 0.25 * Math.log(0.2))], {relative: 1e-5});
  });

  for (const scenario of ['task-incremental', 'class-incremental', 'domain-incremental'] satisfies Scenario[]) {
    it(`has the network of the task's start as its teacher, by the old heads alone (${scenario})`, async () => {
      const lwf = strategies.create({kind: 'lwf', strength: 1});
      const comparing: Strategy = {
        ...lwf,
        step: (context) => {
          const {path, task} = context;
          const old = [...path.segments.keys()].filter((k) => path.segments[k]!.task !== task.index);
          const units = old.reduce((sum, k) => sum + path.spec.segments[k]!.units, 0);
          return {
            ...lwf.step!(context),
            key: {comparing: task.index, old},
            // Before anything has moved, the teacher's old logits are those of the network: in the order asked for, too.
            term: ({parameters, logits, logitsOf, inputs}) => {
              const turned = [...path.segments.keys()].reverse();
              const last = path.spec.segments.at(-1)!.units;
              const first = tf.sub(
                tf.slice(logitsOf(parameters, turned), [0, 0], [-1, last]),
                tf.slice(logits, [0, logits.shape[1]! - last], [-1, last]),
              );
              if (task.index === 0) return tf.sum(tf.abs(first));
              const wanted = logitsOf({...parameters, ...inputs}, old);
              return tf.add(
                tf.sum(tf.abs(first)),
                tf.sum(tf.abs(tf.sub(wanted, tf.slice(logits, [0, 0], [-1, units])))),
              );
            },
          };
        },
      };
      const train = {epochs: 1, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 1e-30}} as const;
      const config = tinyConfig({scenario, train, strategy: [smallOptions.lwf]});
      const {events} = await collect(runWith(config, [comparing], {engine: engine(), dataset}));
      const terms = events.filter((event) => event.type === 'epoch').map(({terms}) => terms['lwf']!);
      expect(terms).to.have.length(3);
      for (const term of terms) expect(term).to.be.within(0, 1e-4);
    });
  }

  it('takes the strength of its task from a list, and the last one for all after it', () => {
    const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const context = {
      ...contextAt(setting.stream, setting.network, emptyState),
      path: setting.path,
      trainable: [bias],
      ...spans(2),
    };
    const lwf = strategies.create({kind: 'lwf', strength: [9, 0.5, 2], temperature: 3});
    const keys = [0, 1, 2, 3].map((index) => lwf.step!({...context, task: {...setting.task, index}}).key);
    const strengthsSeen = keys.map((key) => (key as {readonly lwf?: readonly number[]}).lwf ?? key);
    expect(strengthsSeen).to.deep.equal(['nothing', [0.5, 3], [2, 3], [2, 3]]);
    const [off, on] = [
      [0, 0],
      [0, 1],
    ].map((strength) => strategies.create({kind: 'lwf', strength}));
    expect([off!.needsOldHeads, on!.needsOldHeads]).to.deep.equal([false, true]);
  });

  it('divides the task loss by the tasks so far where it gets its share: the worked example', async () => {
    const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const context = {
      ...contextAt(setting.stream, setting.network, emptyState),
      path: setting.path,
      trainable: [bias],
      ...spans(2),
    };
    const part = (taskLoss: 'whole' | 'share', index: number) =>
      strategies.create({kind: 'lwf', strength: 1, taskLoss}).step!({...context, task: {...setting.task, index}});
    expect(part('share', 0)).to.deep.equal(part('whole', 0));
    expect(part('whole', 3).losses).to.equal(undefined);
    const {third} = await computed(engine(), {losses: flat([6, 0.5], [2])}, ({losses}) => ({
      third: part('share', 3).losses!(told<StepTensors>({losses: losses!})),
    }));
    expect(third).to.deep.equal([1.5, 0.125]);
    expect(part('share', 3).key).to.not.deep.equal(part('share', 2).key);
  });

  it('keeps the teacher within a task, and nothing between tasks', async () => {
    const {checkpoints} = await runTiny(engine(), {strategy: [smallOptions.lwf]}, {checkpointEverySteps: 3});
    const kept = (task: number, step: number) =>
      checkpoints
        .filter(({cursor}) => cursor.task === task && cursor.step === step)
        .map(({strategyStates}) => Object.keys(strategyStates[0]!.arrays).length);
    expect(kept(1, 0)).to.deep.equal([0]);
    expect(kept(1, 3)).to.deep.equal([6, 6]); // Two layers and the head of task 0.
    expect(kept(2, 3)).to.deep.equal([8, 8]);
    expect(kept(3, 0)).to.deep.equal([0]);
  });
});
