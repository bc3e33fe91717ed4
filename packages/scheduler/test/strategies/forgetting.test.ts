import {expect} from 'chai';
import {type RunConfigInput, run} from '../../src/index.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';
import {accuracies, collect, finalAccuracy, tinyConfig, useEngine} from '../support/tiny-run.ts';

const dataset = tinyDataset({classes: 10, train: 40, test: 30, noise: 0.45});

describe('forgetting, class-incremental', () => {
  const engine = useEngine();

  for (const seed of [0, 1, 2]) {
    it(`seed ${seed}: fine-tuning forgets, joint training does not, replay lies between`, async () => {
      const final = async (...strategy: RunConfigInput['strategy']) => {
        const config = tinyConfig({
          scenario: 'class-incremental',
          seed,
          strategy,
          stream: {kind: 'split-classes', dataset: {kind: 'procedural'}, tasks: 5},
          network: {kind: 'mlp', hidden: [32]},
          train: {epochs: 12, batchSize: 8, optimizer: {kind: 'adam', learningRate: 0.01}},
        });
        const {events} = await collect(run(config, {engine: engine(), dataset}));
        return {mean: finalAccuracy(events), rows: accuracies(events)};
      };
      const [fineTuning, joint] = [await final(), await final({kind: 'joint'})];
      const replay = await final({kind: 'replay', capacity: 20, batchSize: 8});

      expect(fineTuning.rows[0]![0], 'learned the first task').to.be.above(0.9);
      expect(fineTuning.rows[4]![4], 'learned the last task').to.be.above(0.7);
      expect(fineTuning.mean, 'knows the last task only').to.be.below(0.35);
      expect(joint.mean).to.be.above(0.8);
      expect(replay.mean).to.be.within(fineTuning.mean + 0.1, joint.mean - 0.1);
    });
  }
});
