import {createEngine} from '@accrete/engine';
import {bitEqual} from '@accrete/kit';
import {expect} from 'chai';
import {type Checkpoint, decodeCheckpoint, encodeCheckpoint, type RunConfigInput, strategies} from '../../src/index.ts';
import {type Collected, evaluations, runTiny, smallOptions, smallRun, useEngine} from '../support/tiny-run.ts';

const {replay, ewc, packnet, si, lwf} = smallOptions;
const train = {epochs: 2, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 0.1, momentum: 0.9}} as const;
const stateful = {...train, atBoundary: 'keep', optimizer: {kind: 'adam', learningRate: 0.01}} as const;
const inference = {kind: 'lowest-entropy'} as const;

/** Every strategy, plain fine-tuning, chains, and optimisers whose state crosses the boundaries of tasks. */
const cases: Record<string, Partial<RunConfigInput>> = {
  'fine-tuning': {scenario: 'class-incremental'},
  ...Object.fromEntries(strategies.kinds.map((kind) => [kind, smallRun(kind)])),
  'replay, class-balanced, class-incremental': {
    scenario: 'class-incremental',
    strategy: [{...replay, policy: 'class-balanced'}],
  },
  'replay by herding, class-incremental': {
    scenario: 'class-incremental',
    strategy: [{...replay, policy: 'herding'}],
  },
  'der++ with a growing head': {scenario: 'class-incremental', strategy: [smallOptions['der++']]},
  'a-gem beside ewc, domain-incremental': {scenario: 'domain-incremental', strategy: [smallOptions['a-gem'], ewc]},
  'icarl with a growing head': {scenario: 'class-incremental', strategy: [smallOptions.icarl]},
  'mir and gss in one batch': {scenario: 'class-incremental', strategy: [smallOptions.mir, smallOptions.gss]},
  'hat with inferred tasks': {scenario: 'class-incremental', strategy: [smallOptions.hat], taskInference: inference},
  'replay and ewc': {scenario: 'class-incremental', strategy: [replay, ewc]},
  'ewc and packnet': {strategy: [ewc, packnet]},
  'si through both phases of packnet': {strategy: [si, packnet]},
  'si beside ewc and replay': {scenario: 'class-incremental', strategy: [replay, si, ewc]},
  'lwf, class-incremental': {scenario: 'class-incremental', strategy: [lwf]},
  'lwf and si, domain-incremental': {scenario: 'domain-incremental', strategy: [lwf, si]},
  'independent with inferred tasks': {
    scenario: 'class-incremental',
    strategy: [smallOptions.independent],
    taskInference: inference,
  },
  'packnet with inferred tasks': {scenario: 'class-incremental', strategy: [packnet], taskInference: inference},
  'grow with inferred tasks': {scenario: 'domain-incremental', strategy: [smallOptions.grow], taskInference: inference},
  'adam across tasks': {scenario: 'class-incremental', train: stateful},
  'adam across tasks, wsn': {strategy: [smallOptions.wsn], train: stateful},
  'adam across tasks, packnet': {strategy: [packnet], train: stateful},
  'adam across tasks, ewc, domain-incremental': {scenario: 'domain-incremental', strategy: [ewc], train: stateful},
};

function results({end, outcomes}: Collected) {
  return {end: {...end, durationMs: 0}, outcomes};
}

function arraysOf({network, optimizerState, strategyStates}: Checkpoint) {
  const kept = strategyStates.flatMap(({arrays}, i) =>
    Object.entries(arrays).map(([k, a]) => [`${i}/${k}`, a] as const),
  );
  return {...network.parameters, ...optimizerState, ...Object.fromEntries(kept)};
}

describe('determinism', () => {
  const engine = useEngine();

  for (const [name, changed] of Object.entries(cases)) {
    it(`${name}: run twice, and resumed from every checkpoint on a fresh engine, ends the same to the bit`, async () => {
      const whole = await runTiny(engine(), changed);
      expect(whole.end).to.include({status: 'done', tensorsLeaked: 0});
      const offering = await runTiny(engine(), changed, {checkpointEverySteps: 3});
      expect(results(offering)).to.deep.equal(results(whole));
      // Every third step of an epoch but its last; a search is not interrupted by checkpoints.
      const searched = new Set(whole.events.flatMap((event) => (event.type === 'search' ? [event.task] : [])));
      const offers = whole.events.map((event) =>
        event.type === 'epoch' && !searched.has(event.task) ? Math.floor((event.steps - 1) / 3) : 0,
      );
      expect(offering.checkpoints.length).to.equal(offers.reduce((a, b) => a + b, whole.checkpoints.length));
      const files = ['before.arrow', 'after-000.arrow', 'after-001.arrow', 'after-002.arrow'];
      expect(Object.keys(whole.outcomes)).to.have.members(files);

      const fresh = await createEngine({kind: 'onnx'});
      try {
        for (const checkpoint of offering.checkpoints) {
          const before = encodeCheckpoint(checkpoint, null);
          const resume = decodeCheckpoint(before, 'the checkpoint').checkpoint;
          const resumed = await runTiny(fresh, changed, {resume});
          const {cursor} = checkpoint;
          const at = `from task ${cursor.task}, phase ${cursor.phase}, epoch ${cursor.epoch}, step ${cursor.step}`;
          expect(resumed.end?.parametersHash, at).to.equal(whole.end?.parametersHash);
          for (const [file, hash] of Object.entries(resumed.outcomes))
            expect(hash, `${at}: ${file}`).to.equal(whole.outcomes[file]);
          expect(resumed.events[0], at).to.include({type: 'run-resume', task: cursor.task, step: cursor.step});
          expect(encodeCheckpoint(resume, null), `${at}: what it was resumed from was written into`).to.deep.equal(
            before,
          );
          const [last, wanted] = [resumed, whole].map(({checkpoints}) => checkpoints.at(-1));
          if (!last) continue; // Resumed from the last one.
          const [found, expected] = [arraysOf(last), arraysOf(wanted!)];
          expect(Object.keys(found).sort(), at).to.deep.equal(Object.keys(expected).sort());
          for (const key of Object.keys(found))
            expect(bitEqual(found[key]!, expected[key]!), `${at}: ${key}`).to.equal(true);
        }
      } finally {
        await fresh.dispose();
      }
    });
  }

  it('logs the same loss of the epoch whether it was resumed in its middle or not', async () => {
    const epochs = ({events}: Collected) =>
      events.filter((event) => event.type === 'epoch').map(({durationMs: _, ...rest}) => rest);
    const strategy = [ewc];
    const whole = await runTiny(engine(), {strategy}, {checkpointEverySteps: 3});
    const middle = whole.checkpoints.findIndex(({cursor}) => cursor.task === 1 && cursor.step > 0);
    const resumed = await runTiny(engine(), {strategy}, {resume: whole.checkpoints[middle]!});
    const wanted = epochs(whole)
      .filter(({task}) => task >= 1)
      .slice(-epochs(resumed).length);
    expect(epochs(resumed)).to.deep.equal(wanted);
    expect(wanted.length).to.be.greaterThan(2);
    expect(wanted.at(-1)?.terms['ewc']).to.be.greaterThan(0);
  });

  it('counts what a task took before it was resumed: steps, time, time of processors', async () => {
    const whole = await runTiny(engine(), {}, {checkpointEverySteps: 3});
    const ended = ({events}: Collected) => events.flatMap((event) => (event.type === 'task-end' ? [event] : []));
    const middle = whole.checkpoints.find(({cursor}) => cursor.task === 1 && cursor.epoch > 0 && cursor.step > 0)!;
    const {cursor, spent} = middle;
    const [, inWhole] = ended(whole);
    const stepsOfEpoch = inWhole!.steps / 2;
    expect(spent.steps).to.equal(cursor.epoch * stepsOfEpoch + cursor.step);
    expect(spent.runMs).to.be.greaterThan(spent.taskMs);
    expect(spent.taskMs).to.be.greaterThan(spent.epochMs);
    // A process that took a hundred hours before it ended.
    const hour = 3_600_000;
    const long = {runMs: 100 * hour, taskMs: 20 * hour, epochMs: 5 * hour, learningCurveMs: 2 * hour, compileMs: hour};
    const resume = {...middle, spent: {...spent, ...long, cpuMs: 30 * hour}};
    const resumed = await runTiny(engine(), {}, {resume});
    const [task, next] = ended(resumed);
    expect(task!.steps).to.equal(inWhole!.steps);
    expect(task!.durationMs).to.be.within(20 * hour, 21 * hour);
    expect(task!.trainMs).to.be.within(18 * hour, 19 * hour);
    expect(task!.evaluateMs).to.be.within(2 * hour, 3 * hour);
    expect(task!.compileMs).to.be.within(hour, 2 * hour);
    expect(task!.cpuMs).to.be.within(30 * hour, 31 * hour);
    expect(resumed.end!.durationMs).to.be.within(100 * hour, 101 * hour);
    const epochs = resumed.events.flatMap((event) => (event.type === 'epoch' ? [event.durationMs] : []));
    expect(epochs[0]).to.be.within(5 * hour, 6 * hour);
    for (const ms of [...epochs.slice(1), next!.durationMs, next!.trainMs, next!.cpuMs]) expect(ms).to.be.below(hour);
    expect(next!.steps).to.equal(inWhole!.steps);
  });

  it('differs for another seed, in parameters and in outcomes', async () => {
    const [one, two] = [await runTiny(engine()), await runTiny(engine(), {seed: 2})];
    expect(one.end?.parametersHash).not.to.equal(two.end?.parametersHash);
    expect(evaluations(one.events).at(-1)?.logitsHash).not.to.equal(evaluations(two.events).at(-1)?.logitsHash);
  });

  it('shuffles every epoch in an order of its own', async () => {
    const loss = async (epochs: number): Promise<(number | null)[]> => {
      const {events} = await runTiny(engine(), {
        train: {...train, epochs, optimizer: {kind: 'sgd', learningRate: 1e-30}},
      });
      return events.filter((event) => event.type === 'epoch').map(({loss}) => loss);
    };
    // With parameters at rest, the mean over batches differs only by which examples fall into the short last batch.
    const [first, second] = await loss(2);
    expect(first).not.to.equal(second);
  });
});
