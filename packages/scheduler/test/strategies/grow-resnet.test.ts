import {computations, growModules} from '@accrete/core';
import {bitEqual} from '@accrete/kit';
import {expect} from 'chai';
import {type RunConfigInput, run, type Strategy, strategies} from '../../src/index.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';
import {type Collected, collect, logitHashes, runWith, tinyConfig, useEngine} from '../support/tiny-run.ts';

const dataset = tinyDataset({classes: 4, train: 24, test: 5});

/** Two tasks of two classes on a ResNet-18 of 2 channels. */
const config = (change: Partial<RunConfigInput>) =>
  tinyConfig({
    stream: {kind: 'split-classes', dataset: {kind: 'procedural', classes: 4}, tasks: 2},
    train: {epochs: 5, batchSize: 8, optimizer: {kind: 'adam', learningRate: 0.03}},
    ...change,
  });

const grown: readonly {
  readonly title: string;
  readonly network: object;
  readonly module: object;
  readonly sites: string[];
}[] = [
  {
    title: 'low-rank modules at its convolutions',
    network: {},
    module: {kind: 'low-rank', rank: 2},
    sites: ['stem/conv', '*/conv*'],
  },
  {
    title: 'norms of the task’s own',
    network: {aggregation: {kind: 'mixture'}},
    module: {kind: 'batch-norm'},
    sites: ['*norm*'],
  },
];

describe('grow on a ResNet-18', () => {
  const engine = useEngine();
  const epochLosses = ({events}: Collected, task: number) =>
    events.flatMap((event) => (event.type === 'epoch' && event.task === task ? [event.loss!] : []));

  for (const {title, network, module, sites} of grown) {
    const changed = {
      network: {kind: 'resnet18', channels: 2, ...network},
      strategy: [{kind: 'grow', module, sites}],
    } as Partial<RunConfigInput>;

    it(`${title}: the second task learns, and the first keeps its logits and running statistics bit for bit`, async () => {
      const found = await collect(run(config(changed), {engine: engine(), dataset}));
      expect(found.end?.status).to.equal('done');
      expect(logitHashes(found.events, 2).map(({size}) => size)).to.deep.equal([1, 1]);
      const [first, second] = found.checkpoints.slice(-2).map((checkpoint) => checkpoint.network.parameters);
      for (const [path, array] of Object.entries(first!)) expect(bitEqual(second![path]!, array), path).to.equal(true);
      expect(Object.keys(first!).some((path) => path.endsWith('stem/norm/base/mean'))).to.equal(true);
      const added = Object.keys(second!).filter((path) => path.includes('/module:1/'));
      expect(added.length).to.be.greaterThan(sites.length);
      for (const task of [0, 1]) {
        const losses = epochLosses(found, task);
        // The best of the later epochs: at this rate a single one may leap, and last bits decide which.
        expect(Math.min(...losses.slice(1))).to.be.lessThan(losses[0]! - 0.02);
      }
    });
  }

  it('ablation: where the base goes on training, the first task’s logits change', async () => {
    const module = computations.validate({kind: 'low-rank', rank: 1});
    const loose: Strategy = {
      ...strategies.create({kind: 'grow'}),
      plan: ({task: {index}, network, seeds}) =>
        index === 0 ? {} : {network: growModules(network, {task: index, computation: module}, seeds).network},
    };
    const {train} = config({});
    const parsed = config({
      network: {kind: 'resnet18', channels: 2},
      strategy: [{kind: 'grow'}],
      train: {...train, epochs: 1},
    });
    const {events} = await collect(runWith(parsed, [loose], {engine: engine(), dataset}));
    expect(logitHashes(events, 2).map(({size}) => size)).to.deep.equal([2, 1]);
  });
});
