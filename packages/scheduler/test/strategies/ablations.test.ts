import {expect} from 'chai';
import {type RunConfigInput, run} from '../../src/index.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';
import {collect, finalAccuracy, tinyConfig, useEngine} from '../support/tiny-run.ts';

type Chain = NonNullable<RunConfigInput['strategy']>;

const dataset = tinyDataset({classes: 10, train: 40, test: 30, noise: 0.45});
const seeds = [0, 1, 2, 3, 4];

/** Permuted pixels under one head, a wide network and plain SGD: fine-tuning forgets by a fifth. */
const permuted: Partial<RunConfigInput> = {
  scenario: 'domain-incremental',
  stream: {kind: 'permuted', dataset: {kind: 'procedural'}, tasks: 3},
  network: {kind: 'mlp', hidden: [200]},
  train: {epochs: 10, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 0.1}},
};

/** The same, but images turned further and further: what the new task shows says something of the old ones. */
const rotated: typeof permuted = {...permuted, stream: {kind: 'rotated', dataset: {kind: 'procedural'}, tasks: 3}};

const adam = (learningRate: number) => ({epochs: 6, batchSize: 16, optimizer: {kind: 'adam', learningRate}}) as const;

/** A head per task on a narrow network: what forgets is the base. */
const headPerTask: typeof permuted = {
  scenario: 'task-incremental',
  stream: {kind: 'permuted', dataset: {kind: 'procedural'}, tasks: 4},
  network: {kind: 'mlp', hidden: [32]},
  train: adam(0.01),
};

/** The same, with tasks more alike and a rate that wears out a base that keeps moving. */
const wearing: typeof permuted = {
  ...headPerTask,
  stream: {kind: 'rotated', dataset: {kind: 'procedural'}, tasks: 4},
  train: adam(0.03),
};

/** A mechanism, the same switched off, and by how much it must win on average [accuracy]. */
interface Row {
  readonly on: Chain;
  readonly off: Chain;
  readonly margin: number;
  readonly setting?: Partial<RunConfigInput>;
}

const rows: Record<string, Row> = {
  mas: {on: [{kind: 'mas', strength: 0.003}], off: [], margin: 0.015},
  si: {on: [{kind: 'si', strength: 0.1}], off: [], margin: 0.02},
  lwf: {on: [{kind: 'lwf', strength: 0.3}], off: [], margin: 0.01, setting: rotated},
  cumulative: {on: [{kind: 'cumulative'}], off: [], margin: 0.02, setting: headPerTask},
  independent: {on: [{kind: 'independent'}], off: [], margin: 0.02, setting: headPerTask},
  'frozen-base': {on: [{kind: 'frozen-base'}], off: [], margin: 0.05, setting: wearing},
};

describe('ablations', () => {
  const engine = useEngine();

  for (const [name, {on, off, margin, setting = permuted}] of Object.entries(rows)) {
    it(`${name}: switched off, it loses with every one of ${seeds.length} seeds`, async () => {
      const final = async (seed: number, strategy: Chain): Promise<number> => {
        const {events} = await collect(run(tinyConfig({...setting, seed, strategy}), {engine: engine(), dataset}));
        return finalAccuracy(events);
      };
      const gains: number[] = [];
      for (const seed of seeds) gains.push((await final(seed, on)) - (await final(seed, off)));
      // All of one sign: p = 1/32 by the paired sign test.
      for (const gain of gains) expect(gain).to.be.above(0);
      expect(gains.reduce((a, b) => a + b) / gains.length).to.be.above(margin);
    });
  }
});
