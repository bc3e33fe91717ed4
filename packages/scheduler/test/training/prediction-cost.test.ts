import type {EventBody} from '@accrete/kit';
import {expect} from 'chai';
import {runTiny, useEngine} from '../support/tiny-run.ts';

const features = 36; // 6 x 6 pixels
const train = {epochs: 0, batchSize: 16} as const;

function flops(events: readonly EventBody[]) {
  return events.flatMap((event) =>
    event.type === 'task-end' ? [[event.flopsPerExample, event.flopsActive] as const] : [],
  );
}

describe('the operations of a prediction', () => {
  const engine = useEngine();
  // An MLP of 12 and 8 units with two classes per task; two operations for each weight.
  const trunk = 2 * (features * 12 + 12 * 8);
  const head = (classes: number) => 2 * 8 * classes;

  it('are those of the path of a task, whatever the number of tasks, where each has a head of its own', async () => {
    const {events} = await runTiny(engine(), {train});
    expect(flops(events)).to.deep.equal([0, 1, 2].map(() => [trunk + head(2), trunk + head(2)]));
  });

  it('grow with the head that all classes share', async () => {
    const {events} = await runTiny(engine(), {train, scenario: 'class-incremental'});
    expect(flops(events)).to.deep.equal([2, 4, 6].map((classes) => [trunk + head(classes), trunk + head(classes)]));
  });

  it('are those of all paths seen where the task is inferred, beside those of the one that was active', async () => {
    const {events} = await runTiny(engine(), {
      train,
      scenario: 'class-incremental',
      strategy: [{kind: 'independent'}],
      taskInference: {kind: 'lowest-entropy'},
    });
    const path = trunk + head(2);
    expect(flops(events)).to.deep.equal([1, 2, 3].map((seen) => [seen * path, path]));
  });
});
