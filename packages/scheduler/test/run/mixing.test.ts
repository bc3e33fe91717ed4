import type {Engine} from '@accrete/engine';
import {expect} from 'chai';
import {run, type Scenario} from '../../src/index.ts';
import {collect, dataset, tinyConfig, useEngine} from '../support/tiny-run.ts';

const features = 36;

describe('evaluation batches', () => {
  const engine = useEngine();

  /** For each batch of test images that reached the engine: how many tasks are in it. */
  async function tasksPerBatch(scenario: Scenario): Promise<readonly number[]> {
    const taskOf = new Map<string, number>();
    dataset.test.labels.forEach((label, i) => {
      const image = dataset.test.images.subarray(i * features, (i + 1) * features);
      taskOf.set(image.join(), Math.floor(label / 2));
    });
    const counts: number[] = [];
    const watching: Engine = {
      ...{kind: engine().kind, reason: '', threads: 1, versions: {}},
      compile: (...given) => engine().compile(...given),
      live: () => engine().live(),
      dispose: () => engine().dispose(),
      upload: (array) => {
        const images = Array.from({length: (array.shape[0] ?? 0) * (array.dtype === 'uint8' ? 1 : 0)}, (_, i) =>
          taskOf.get(array.data.subarray(i * features, (i + 1) * features).join()),
        );
        const tasks = new Set(images.filter((task) => task !== undefined));
        if (tasks.size > 0) counts.push(tasks.size);
        return engine().upload(array);
      },
    };
    const config = tinyConfig({scenario, evaluate: {batchSize: 10}});
    await collect(run(config, {engine: watching, dataset}));
    return counts;
  }

  it('mix tasks where the task is withheld', async () => {
    for (const scenario of ['domain-incremental', 'class-incremental'] as const) {
      const counts = (await tasksPerBatch(scenario)).slice(-6); // All three tasks are seen.
      expect(Math.min(...counts), counts.join()).to.be.at.least(2);
    }
  });

  it('hold one task where it is given', async () => {
    expect(new Set(await tasksPerBatch('task-incremental'))).to.deep.equal(new Set([1]));
  });
});
