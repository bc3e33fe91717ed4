import type {Engine} from '@accrete/engine';
import {expect} from 'chai';
import {type RunConfigInput, run} from '../../src/index.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';
import {accuracies, collect, tinyConfig, useEngine} from '../support/tiny-run.ts';

const dataset = tinyDataset({classes: 6, train: 40, test: 20, noise: 0.4});
const procedural = {kind: 'procedural', classes: 6};

describe('batches that mix tasks, with a head per task', () => {
  const engine = useEngine();

  const streams: Record<string, RunConfigInput['stream']> = {
    'tasks with classes of their own': {kind: 'split-classes', dataset: procedural, tasks: 3},
    'tasks that share their classes': {kind: 'permuted', dataset: procedural, tasks: 3},
  };
  for (const [name, stream] of Object.entries(streams)) {
    for (const strategy of [{kind: 'joint'}, {kind: 'replay', capacity: 120, batchSize: 16}]) {
      it(`${strategy.kind}, ${name}: every row trains the logits of its own task, so all tasks are known at the end`, async () => {
        const train = {epochs: 15, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}};
        const config = tinyConfig({stream, strategy: [strategy], train, network: {kind: 'mlp', hidden: [32]}});
        const {events} = await collect(run(config, {engine: engine(), dataset}));
        for (const accuracy of accuracies(events).at(-1)!) expect(accuracy).to.be.above(0.8);
        // Own logits only: the loss starts near ln(classes of a task) and never is that of a row without its logit.
        const [first] = events.filter((event) => event.type === 'epoch').filter(({task}) => task === 2);
        expect(first!.loss).to.be.below(2.5);
      });
    }
  }

  it('a step takes no more arrays with a third head than with a second', async () => {
    const taken: number[] = [];
    const counting: Engine = {
      ...{kind: engine().kind, reason: '', threads: 1, versions: {}},
      upload: (array) => engine().upload(array),
      compile: (fn, inputs, options) => {
        if (options.name === 'train') taken.push(Object.keys(inputs).length);
        return engine().compile(fn, inputs, options);
      },
      live: () => engine().live(),
      dispose: () => engine().dispose(),
    };
    const train = {epochs: 1, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}};
    const config = tinyConfig({strategy: [{kind: 'replay', capacity: 60, batchSize: 16}], train});
    await collect(run(config, {engine: counting, dataset}));
    expect(taken).to.have.length(3);
    expect(taken[2]).to.equal(taken[1]);
  });
});
