import type {EventBody} from '@accrete/kit';
import {expect} from 'chai';
import type {RunConfigInput} from '../../src/index.ts';
import {evaluations, runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';

const train = {epochs: 1, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}} as const;
const watched = {learningCurve: 3} as const;
const twoTasks = {kind: 'split-classes', dataset: {kind: 'procedural', classes: 6}, tasks: 2} as const;

function points(events: readonly EventBody[]) {
  return events.flatMap((event) => (event.type === 'learning-point' ? [event] : []));
}

/** What is no time, and no point of a learning curve. */
function others(events: readonly EventBody[]) {
  const own = events.filter(({type}) => !['learning-point', 'compile', 'run-start'].includes(type));
  return JSON.parse(JSON.stringify(own, (key, value) => (/(Ms|Bytes)$/.test(key) ? undefined : value)));
}

// With views of their own, arrays on the device, rows of earlier tasks, several phases, searches.
const watchedKinds = [
  ...(['replay', 'icarl', 'der', 'gem', 'si', 'lwf', 'packnet', 'hat', 'wsn'] as const),
  ...(['independent', 'grow', 'hypernetwork', 'mntdp', 'path-net'] as const),
];

describe('the learning curve of a run', () => {
  const engine = useEngine();

  it('has a point before each of the first batches of a task and one after them; the last of all is the evaluation', async () => {
    for (const scenario of ['task-incremental', 'class-incremental', 'domain-incremental'] as const) {
      const {events} = await runTiny(engine(), {
        scenario,
        train: {...train, epochs: 6},
        evaluate: {learningCurve: 99},
      });
      const steps = events.flatMap((event) => (event.type === 'task-end' ? [event.steps] : []));
      expect(points(events).map(({task, batch}) => [task, batch])).to.deep.equal(
        steps.flatMap((count, task) => Array.from({length: count + 1}, (_, batch) => [task, batch])),
      );
      for (const [task, count] of steps.entries()) {
        const last = points(events).find((point) => point.task === task && point.batch === count);
        const said = evaluations(events).find(({afterTask, evalTask}) => afterTask === task && evalTask === task);
        expect([last?.correct, last?.examples], scenario).to.deep.equal([said?.correct, said?.examples]);
      }
      expect(new Set(points(events).map(({correct}) => correct)).size).to.be.greaterThan(2);
    }
  });

  it('ends at the batch that was asked for, and is not there unless it was', async () => {
    const {events} = await runTiny(engine(), {train, evaluate: watched});
    expect(points(events).map(({batch}) => batch)).to.deep.equal([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    expect(points((await runTiny(engine(), {train})).events)).to.deep.equal([]);
  });

  for (const kind of watchedKinds) {
    it(`${kind}: watching changes nothing of the run`, async () => {
      const changed: Partial<RunConfigInput> = {stream: twoTasks, train, strategy: [smallOptions[kind]]};
      const [plain, seen] = [
        await runTiny(engine(), changed),
        await runTiny(engine(), {...changed, evaluate: watched}),
      ];
      expect(others(seen.events)).to.deep.equal(others(plain.events));
      expect(seen.outcomes).to.deep.equal(plain.outcomes);
      expect(seen.end).to.include({parametersHash: plain.end?.parametersHash, tensorsLeaked: 0});
    });
  }

  it('goes on where a checkpoint in the middle of it was left', async () => {
    const changed = {train, strategy: [smallOptions.replay], evaluate: watched};
    const whole = await runTiny(engine(), changed, {checkpointEverySteps: 1});
    for (const resume of whole.checkpoints) {
      const {task, epoch, step, begun} = resume.cursor;
      const rest = await runTiny(engine(), changed, {resume});
      const done = epoch * 4 + step;
      const missing = points(whole.events).filter(
        (point) => point.task > task || (point.task === task && (!begun || done === 0 || point.batch > done)),
      );
      expect(points(rest.events), JSON.stringify(resume.cursor)).to.deep.equal(missing);
    }
    expect(whole.checkpoints.length).to.be.greaterThan(6);
  });
});
