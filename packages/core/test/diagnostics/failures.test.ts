import {createEngine, type Engine} from '@accrete/engine';
import {type EventBody, type EventOf, eventSchema} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  diagnoseCoAdaptation,
  diagnoseDrift,
  diagnoseJointly,
  diagnoseLeakage,
  diagnoseOverfit,
  diagnoseRouting,
  diagnoseSummaries,
  type Failure,
  type JointBatch,
  type Network,
  type Path,
  type RoutingSummary,
  routingTally,
  withParameters,
} from '../../src/index.ts';
import {jointBatch, jointNetwork} from '../support/joint.ts';
import {floats} from '../support/networks.ts';
import {thrown} from '../support/thrown.ts';

const ln = Math.log;
const entry = (evalTask: number, load: readonly number[], change: Partial<RoutingSummary> = {}): RoutingSummary => ({
  evalTask,
  site: 'a',
  modules: load.map((_, j) => `a/module:${j}`),
  load: [...load],
  entropy: 0,
  examples: 10,
  ...change,
});

describe('failures of routing', () => {
  const failing = (...summaries: RoutingSummary[]) =>
    diagnoseSummaries(summaries).flatMap(({failure, failed}) => (failed ? [failure] : []));

  it('are judged over all tasks: a module per task is no collapse, one module for all tasks is', () => {
    expect(failing(entry(0, [1, 0]), entry(1, [0, 1]))).to.deep.equal([]);
    expect(failing(entry(0, [1, 0]), entry(1, [0.95, 0.05]))).to.deep.equal(['collapse', 'dead-modules']);
    const [collapse, dead] = diagnoseSummaries([entry(0, [1, 0], {examples: 30}), entry(1, [0.6, 0.4])]);
    expect(collapse).to.deep.include({
      failure: 'collapse',
      site: 'a',
      limit: 0.9,
      failed: false,
      modules: ['a/module:0'],
    });
    expectClose([collapse!.value], [0.9]);
    expect(dead).to.deep.include({failure: 'dead-modules', value: 0, modules: []});
  });

  it('worked by hand: indecision by the modules that a task has, tokens that no module serves', () => {
    const summaries = [
      entry(0, [1]),
      entry(1, [0.5, 0.5], {entropy: ln(2), unserved: 0.3}),
      entry(2, [0.5, 0.5], {entropy: 0.5 * ln(2), unserved: 0.1}),
    ];
    const found = Object.fromEntries(diagnoseSummaries(summaries).map((reading) => [reading.failure, reading]));
    expectClose([found['uniform-router']!.value, found['unserved-tokens']!.value], [0.75, 0.2]);
    expect([found['uniform-router']!.failed, found['unserved-tokens']!.failed]).to.deep.equal([false, true]);
    expect(diagnoseSummaries([entry(0, [1])])).to.deep.equal([]);
    expect(diagnoseSummaries([])).to.deep.equal([]);
  });

  it('law: of one task, they are those that the scores themselves show', () => {
    const rows = fc.array(fc.array(fc.integer({min: 0, max: 9}), {minLength: 3, maxLength: 3}), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(rows, (values) => {
        const shown = diagnoseRouting(floats([values.length, 3], ...values.flat()));
        fc.pre(shown.load !== null);
        const tally = routingTally();
        const modules = [0, 1, 2].map((j) => `a/module:${j}`);
        tally.add(
          {modules},
          'a',
          floats([values.length, 3], ...values.flat()),
          values.map(() => 0),
        );
        expect(failing(...tally.summary())).to.deep.equal(shown.failures);
      }),
    );
  });

  it('overfit: modules tell more of tasks in training than elsewhere', () => {
    const training = [entry(0, [1, 0]), entry(1, [0, 1])];
    expectClose([diagnoseOverfit(training, training)[0]!.value], [0]);
    const [reading] = diagnoseOverfit(training, [entry(0, [0.5, 0.5]), entry(1, [0.5, 0.5])]);
    expectClose([reading!.value], [1]);
    expect(reading).to.deep.include({failure: 'router-overfit', site: 'a', failed: true});
    expect(diagnoseOverfit(training, [])).to.deep.equal([]);
  });

  it('drift: the largest change of a logit; what is frozen does not change at all', () => {
    expect(diagnoseDrift([1, -2, 3], [1, -2, 3])).to.deep.include({failure: 'frozen-drift', value: 0, failed: false});
    expect(diagnoseDrift([1, -2, 3], [1, -2.5, 3.25])).to.deep.include({value: 0.5, failed: true});
    expect(diagnoseDrift([1, 2], [Number.NaN, 2]).failed).to.equal(true);
    expect(diagnoseDrift([Number.NaN], [Number.NaN]).failed).to.equal(false);
    expect(thrown(() => diagnoseDrift([1], [])).code).to.equal('E_SHAPE');
  });

  it('co-adaptation: the ratio of variances over seeds', () => {
    expectClose([diagnoseCoAdaptation([1, 5], [1, 2]).value], [16]);
    expect(diagnoseCoAdaptation([1, 5], [1, 2]).failed).to.equal(true);
    expect(diagnoseCoAdaptation([1, 2, 3], [3, 2, 1]).failed).to.equal(false);
    expect(diagnoseCoAdaptation([1, 1], [1, 1]).value).to.equal(0);
    expect(thrown(() => diagnoseCoAdaptation([1], [1, 2])).code).to.equal('E_SHAPE');
  });

  it('leakage: what is gained by batches of one task', () => {
    expect(diagnoseLeakage(0.75, 0.5)).to.deep.include({failure: 'task-leakage', value: 0.25, failed: true});
    expect(diagnoseLeakage(0.5, 0.5).failed).to.equal(false);
  });
});

describe('joint training tells how its routers fail', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'cpu'});
  });
  after(() => engine.dispose());

  type Subject = {readonly network: Network; readonly path: Path};
  const subject = (routing: object): Subject =>
    jointNetwork({routing, aggregation: {kind: 'mixture'}}, [
      {
        computation: {kind: 'dense', units: null, bias: true, initializer: {kind: 'torch-linear'}},
        task: null,
        names: ['a', 'b'],
      },
    ]);
  const held = [jointBatch([0, 1, 0, 1, 1, 0]), jointBatch([1, 0, 1, 0, 0, 0], 2)];
  const eventsOf = async ({network, path}: Subject, trained?: readonly JointBatch[]) => {
    const events: EventBody[] = [];
    const request = {engine, network, path, rows: 6, held, ...(trained && {trained})};
    for await (const event of diagnoseJointly(request)) events.push(event);
    for (const event of events) eventSchema.parse({seq: 0, time: '2026-01-01T00:00:00Z', ...event});
    return events;
  };
  const readings = (events: readonly EventBody[]) =>
    new Map(
      events.flatMap((event) =>
        event.type === 'diagnosis' ? [[event.failure, event] as [Failure, EventOf<'diagnosis'>]] : [],
      ),
    );
  /** The same with the scores of module b, of tasks 0 and 1. */
  const scored = ({network, path}: Subject, ...scores: number[]): Subject => ({
    path,
    network: withParameters(
      network,
      Object.fromEntries(scores.map((score, t) => [`layer0/gate:${t}/module:b/score`, floats([1], score)])),
    ),
  });
  const byTask = () => subject({kind: 'softmax', level: 'task', initializer: {kind: 'zeros'}});

  it('as events of a log: routing by site and task, then each failure', async () => {
    const events = await eventsOf(byTask(), held);
    expect(events.map(({type}) => type)).to.deep.equal([
      ...['routing', 'routing'],
      ...Array.from({length: 6}, () => 'diagnosis'),
    ]);
    expect(events[0]).to.deep.include({afterTask: 1, evalTask: 0, site: 'layer0', load: [0.5, 0.5], examples: 7});
    const found = readings(events);
    expect([...found.keys()]).to.deep.equal([
      'collapse',
      'dead-modules',
      'uniform-router',
      'unserved-tokens',
      'router-overfit',
      'soft-hard-gap',
    ]);
    expect(found.get('uniform-router')).to.deep.include({value: 1, failed: true});
    expect(found.get('router-overfit')!.value).to.equal(0);
  });

  it('a router that sends all to one module has collapsed; one that parts the tasks has not', async () => {
    const collapsed = readings(await eventsOf(scored(byTask(), 30, 30)));
    expect(collapsed.get('collapse')).to.deep.include({failed: true, modules: ['layer0/module:b']});
    expect(collapsed.get('dead-modules')).to.deep.include({value: 1, modules: ['layer0/module:a']});
    const parted = readings(await eventsOf(scored(byTask(), 30, -30)));
    expect([...parted.values()].filter(({failed}) => failed)).to.deep.equal([]);
    expectClose([parted.get('soft-hard-gap')!.value], [0]);
  });

  it('the gap between soft and hard: what only a mixture answers is lost', async () => {
    // Module a says class 0 a little, b class 1 strongly; a weighs more, so the mixture answers 1 and the choice 0.
    const given = scored(byTask(), -0.5, -0.5);
    const zeros = (shape: number[]) => floats(shape, ...new Array(shape.reduce((a, b) => a * b, 1)).fill(0));
    const network = withParameters(given.network, {
      'layer0/module:a/kernel': zeros([3, 4]),
      'layer0/module:a/bias': floats([4], 1, 0, 0, 0),
      'layer0/module:b/kernel': zeros([3, 4]),
      'layer0/module:b/bias': floats([4], 0, 9, 0, 0),
      'head/segment:0/kernel': floats([4, 2], 1, 0, 0, 1, 0, 0, 0, 0),
      'head/segment:0/bias': floats([2], 0, 0),
    });
    const labels = held.map((batch) => Array.from(batch.labels));
    const ones = labels.flat().filter((label) => label === 1).length;
    const gap = readings(await eventsOf({...given, network})).get('soft-hard-gap')!;
    expectClose([gap.value], [(ones - (12 - ones)) / 12]);
  });

  it('routers that are hard already have no gap to tell of', async () => {
    const found = readings(await eventsOf(subject({kind: 'switch'})));
    expect(found.has('soft-hard-gap')).to.equal(false);
    expect(found.has('collapse')).to.equal(true);
  });
});
