import {createEngine, type Engine} from '@accrete/engine';
import {bitEqual, hostArray, seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {
  architectures,
  computations,
  freeze,
  gradientConflict,
  type JointRequest,
  jointEvaluator,
  jointTrainer,
  type Network,
  pathOf,
  withParameters,
} from '../../src/index.ts';
import {jointBatch, jointNetwork, trained} from '../support/joint.ts';
import {floats, purpose} from '../support/networks.ts';

const expert = computations.validate({kind: 'dense'});
const delta = computations.validate({kind: 'low-rank', rank: 2});
const ownModules = [
  {computation: delta, task: 0},
  {computation: delta, task: 1},
];

/** What each parameter moved by. */
function moves(before: Network, after: Network): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(before.parameters).map(([path, {data}]) => [
      path,
      Array.from(data, (x, i) => after.parameters[path]!.data[i]! - x),
    ]),
  );
}

const isStill = (moved: readonly number[]): boolean => moved.every((x) => x === 0);

for (const kind of ['onnx', 'cpu'] as const) {
  describe(`joint training on ${kind}`, () => {
    let engine: Engine;
    before(async () => {
      engine = await createEngine({kind});
    });
    after(() => engine.dispose());

    it('moves by the mean over the rows of all tasks, each weighed by its task', async () => {
      const subject = jointNetwork({}, ownModules);
      const batch = jointBatch([0, 0, 0, 1, 0, 1]);
      const only = (task: number) => ({
        ...batch,
        weights: Array.from(batch.tasks, (t) => Number(t === task)),
      });
      const [first, second] = await Promise.all(
        [0, 1].map(async (task) => moves(subject.network, (await trained(engine, subject, [only(task)])).network)),
      );
      for (const weights of [undefined, [1, 1], [2, 0.5], [0, 3]]) {
        const {network} = await trained(engine, subject, [batch], weights ? {taskWeights: weights} : {});
        const [c0, c1] = weights ?? [1, 1];
        for (const [path, moved] of Object.entries(moves(subject.network, network))) {
          const wanted = moved.map((_, i) => (4 / 6) * c0! * first![path]![i]! + (2 / 6) * c1! * second![path]![i]!);
          expectClose(moved, wanted, {absolute: 2e-6, relative: 1e-4});
        }
      }
      expect(isStill(first!['layer0/base/kernel']!)).to.equal(false);
    });

    it('rows of a task move its own modules and what is shared, nothing of another task', async () => {
      const subject = jointNetwork({}, ownModules, {head: 'per-task'});
      const moved = moves(subject.network, (await trained(engine, subject, [jointBatch([1, 1, 1])])).network);
      const still = Object.keys(moved).filter((path) => isStill(moved[path]!));
      // The factor after the zeros of the other one waits for the second step.
      expect(still.sort()).to.deep.equal([
        'head/segment:0/bias',
        'head/segment:0/kernel',
        'layer0/module:0/down',
        'layer0/module:0/up',
        'layer0/module:1/down',
      ]);
    });

    it('trains one task alone', async () => {
      const subject = jointNetwork({}, [], {tasks: 1});
      const batch = jointBatch([0, 0, 0]);
      const {losses, network} = await trained(engine, subject, [batch, batch]);
      expect(losses.tasks).to.have.length(1);
      const evaluator = await jointEvaluator(engine, network, subject.path, 3);
      const {losses: after} = await evaluator.evaluate(batch);
      evaluator.dispose();
      expect(after.reduce((sum, loss) => sum + loss, 0) / 3).to.be.lessThan(losses.tasks[0]!);
    });

    it('rows that are not there count for nothing', async () => {
      const subject = jointNetwork({}, ownModules);
      const whole = jointBatch([0, 1, 1, 0]);
      const data = whole.x.data.slice() as Float32Array;
      data.fill(99, 9); // The last row.
      const padded = {...whole, x: hostArray(data, [4, 3], 'float32'), weights: [1, 1, 1, 0]};
      const short = jointBatch([0, 1, 1]);
      const [a, b] = [await trained(engine, subject, [padded]), await trained(engine, subject, [short])];
      for (const [path, array] of Object.entries(a.network.parameters)) {
        expectClose(array.data, b.network.parameters[path]!.data, {absolute: 1e-6});
      }
      expectClose(a.losses.tasks as number[], b.losses.tasks as number[]);
    });

    it('frees all that it made', async () => {
      const subject = jointNetwork({}, ownModules);
      const before = engine.live();
      await trained(engine, subject, [jointBatch([0, 1]), jointBatch([1, 1])]);
      const after = engine.live();
      expect([after.buffers, after.programs]).to.deep.equal([before.buffers, before.programs]);
    });
  });
}

describe('joint training', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'onnx'});
  });
  after(() => engine.dispose());

  const refusal = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'nothing was refused',
      (error: Error) => error.message,
    );

  it('reports the loss of each task, and none for a task without rows', async () => {
    const subject = jointNetwork({}, []);
    const head = {
      'head/segment:0/kernel': floats([4, 2], 0, 0, 0, 0, 0, 0, 0, 0),
      'head/segment:0/bias': floats([2], 0, 0),
    };
    const even = {...subject, network: withParameters(subject.network, head)};
    const {losses} = await trained(engine, even, [jointBatch([1, 1, 1])], {
      optimizer: {kind: 'sgd', learningRate: 1e-9},
    });
    expect(losses.tasks[0]).to.equal(null);
    expectClose([losses.tasks[1]!], [Math.log(2)]); // Every logit is 0.
    expect(losses.auxiliary).to.equal(0);
  });

  it('goes on from a snapshot as if it had not stopped, to the bit', async () => {
    const subject = jointNetwork({routing: {kind: 'gumbel-softmax'}, aggregation: {kind: 'mixture'}}, [
      {computation: expert, task: null, names: ['a', 'b']},
    ]);
    const optimizer = {kind: 'adam', learningRate: 0.01};
    const batches = [1, 2, 3, 4].map((seed) => jointBatch([0, 1, 1, 0], seed));
    const steps = async (from: typeof subject, part: typeof batches, at: number, state = {}) => {
      const trainer = await jointTrainer({engine, ...from, rows: 4, optimizer, optimizerState: state});
      for (const [i, batch] of part.entries()) await trainer.step(batch, seedStream(7, 'step', at + i));
      const snapshot = await trainer.snapshot();
      trainer.dispose();
      return snapshot;
    };
    const whole = await steps(subject, batches, 0);
    const half = await steps(subject, batches.slice(0, 2), 0);
    const rest = await steps({...subject, network: half.network}, batches.slice(2), 2, half.optimizerState);
    for (const [path, array] of Object.entries(whole.network.parameters)) {
      expect(bitEqual(array, rest.network.parameters[path]!), path).to.equal(true);
    }
    const elsewhere = await steps(subject, batches, 10); // Other noise.
    expect(
      bitEqual(
        whole.network.parameters['layer0/module:a/kernel']!,
        elsewhere.network.parameters['layer0/module:a/kernel']!,
      ),
    ).to.equal(false);
  });

  it('leaves what is frozen or left out as it is, and refuses to train nothing', async () => {
    const subject = jointNetwork({}, ownModules);
    const {network: frozen} = freeze(subject.network, ({id}) => id === 'layer0/base');
    const path = pathOf(frozen.topology, [0, 1], frozen.topology.head.segments);
    const {network} = await trained(engine, {network: frozen, path}, [jointBatch([0, 1])], {
      trainable: ({id}) => !id.startsWith('head/'),
    });
    const moved = moves(subject.network, network);
    const still = Object.keys(moved).filter((name) => isStill(moved[name]!) && !name.endsWith('/down'));
    expect(still.sort()).to.deep.equal([
      'head/segment:0/bias',
      'head/segment:0/kernel',
      'layer0/base/bias',
      'layer0/base/kernel',
    ]);
    const nothing = jointTrainer({
      engine,
      ...subject,
      rows: 2,
      optimizer: {kind: 'sgd', learningRate: 1},
      trainable: () => false,
    });
    expect(await refusal(nothing)).to.match(/E_COMBINATION: nothing moves/);
  });

  it('keeps running statistics up to date, of what moves alone', async () => {
    const built = architectures
      .parse({kind: 'cnn', channels: [[2]], hidden: [], norm: 'batch'})
      .build(purpose({head: 'single', classes: [0, 1]}), seedStream(1, 'network'));
    const path = pathOf(built.topology, [0, 1], built.topology.head.segments);
    const bytes = hostArray(
      Uint8Array.from({length: 16}, (_, i) => (i * 37) % 256),
      [4, 4],
      'uint8',
    );
    const batch = {x: bytes, labels: [0, 1, 1, 0], tasks: [0, 1, 0, 1]};
    const means = async (steps: number, trainable?: JointRequest['trainable']) => {
      const optimizer = {kind: 'sgd', learningRate: 1e-12};
      const {network} = await trained(engine, {network: built, path}, Array(steps).fill(batch), {
        optimizer,
        ...(trainable ? {trainable} : {}),
      });
      const [name] = path.buffers.filter((local) => local.endsWith('/mean'));
      return [...network.parameters[path.bind[name!]!]!.data];
    };
    // From 0 a tenth of the way to the batch's mean, then a tenth of what is left: 0.1 m, 0.19 m.
    const [once, twice] = [await means(1), await means(2)];
    expect(once.every((x) => x !== 0)).to.equal(true);
    expectClose(
      twice,
      once.map((x) => 1.9 * x),
    );
    expect(await means(2, ({id}) => id.startsWith('head/'))).to.deep.equal([0, 0]);
  });

  it('adds what routers cost, and learns choices by the score function', async () => {
    const routed = (routing: object) =>
      jointNetwork({routing, aggregation: {kind: 'mixture'}}, [
        {computation: expert, task: null, names: ['a', 'b', 'c']},
      ]);
    const balanced = await trained(engine, routed({kind: 'switch'}), [jointBatch([0, 1, 1, 0])]);
    expect(balanced.losses.auxiliary).to.be.above(0);
    const subject = routed({kind: 'reinforce'});
    const {network} = await trained(engine, subject, [jointBatch([0, 1, 1, 0])]);
    const moved = Object.entries(moves(subject.network, network)).filter(([path]) => path.includes('/gate'));
    expect(moved.some(([, by]) => !isStill(by))).to.equal(true);
  });

  it('refuses batches that do not fit', async () => {
    const subject = jointNetwork({}, ownModules, {head: 'per-task'});
    const batch = jointBatch([0, 1]);
    const step = (change: object) => refusal(trained(engine, subject, [{...batch, ...change}]));
    expect(await step({labels: [0]})).to.match(/E_SHAPE: .*1 labels, 2 tasks/);
    expect(await step({weights: [1, 1, 1]})).to.match(/3 weights/);
    expect(await step({tasks: [0, 2]})).to.match(/E_DATA: row 1: the path serves 2 tasks, none is at 2/);
    expect(await step({labels: [0, 7]})).to.match(/row 1: task 1 has no logit for label 7/);
    for (const taskWeights of [[1], [1, -1], [1, Number.NaN]]) {
      expect(await refusal(trained(engine, subject, [batch], {taskWeights}))).to.match(
        /E_SHAPE: expected a finite weight/,
      );
    }
  });

  it('evaluates each row under the logits of its task, with the routes that it took', async () => {
    const subject = jointNetwork(
      {routing: {kind: 'softmax'}, aggregation: {kind: 'mixture'}},
      [{computation: expert, task: null, names: ['a', 'b']}],
      {head: 'per-task'},
    );
    const bias = floats([2], 50, -50); // The first task says 0, the second 1, whatever comes.
    const network = withParameters(subject.network, {
      'head/segment:0/bias': bias,
      'head/segment:1/bias': floats([2], -50, 50),
    });
    const evaluator = await jointEvaluator(engine, network, subject.path, 5);
    const {predictions, losses, routes} = await evaluator.evaluate({
      ...jointBatch([0, 1, 1, 0, 1]),
      labels: [0, 1, 1, 0, 0],
    });
    evaluator.dispose();
    expect(predictions).to.deep.equal([0, 1, 1, 0, 1]);
    expect(losses.slice(0, 4).every((loss) => loss < 1e-6)).to.equal(true);
    expect(losses[4]).to.be.above(90);
    const alpha = routes['layer0']!;
    expect(alpha.shape).to.deep.equal([5, 2]);
    for (let r = 0; r < 5; r++) expectClose([alpha.data[2 * r]! + alpha.data[2 * r + 1]!], [1]);
  });
});

describe('gradient conflict', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'onnx'});
  });
  after(() => engine.dispose());

  /** Two tasks over the same inputs; the head starts at 0, so that both classes have probability one half. */
  const subject = () => {
    const {network, path} = jointNetwork({}, [], {tasks: 3});
    const head = {
      'head/segment:0/kernel': floats([4, 2], ...Array(8).fill(0)),
      'head/segment:0/bias': floats([2], 0, 0),
    };
    return {engine, network: withParameters(network, head), path, rows: 4};
  };
  const twice = (labels: readonly number[]) => ({
    ...jointBatch([0, 0, 1, 1]),
    x: hostArray(Float32Array.of(1, 2, 3, -1, 0, 2, 1, 2, 3, -1, 0, 2), [4, 3], 'float32'),
    labels,
  });

  it('worked by hand: the same labels agree wholly, opposite ones oppose wholly', async () => {
    const same = await gradientConflict(subject(), twice([0, 1, 0, 1]));
    expectClose([same.cosines[0]![1]!, same.cosines[1]![0]!, same.norms[0]!], [1, 1, same.norms[1]!]);
    expect(same.conflicting).to.equal(0);
    const opposite = await gradientConflict(subject(), twice([0, 1, 1, 0]));
    expectClose([opposite.cosines[0]![1]!], [-1]);
    expect(opposite.conflicting).to.equal(1);
    expect(opposite.norms[0]).to.be.above(0.1);
  });

  it('says null for a task without rows', async () => {
    const {cosines, norms} = await gradientConflict(subject(), twice([0, 1, 1, 0]));
    expect([cosines[2], norms[2]]).to.deep.equal([[null, null, null], 0]);
    const lone = await gradientConflict(subject(), {...twice([0, 1, 1, 0]), tasks: [0, 0, 0, 0]});
    expect(lone.conflicting).to.equal(null);
  });

  it('looks at what the tasks share, unless told otherwise', async () => {
    const {network, path} = jointNetwork({}, ownModules, {head: 'per-task'});
    const request = {engine, network, path, rows: 4};
    const shared = await gradientConflict(request, twice([0, 1, 1, 0]));
    const all = await gradientConflict(request, twice([0, 1, 1, 0]), () => true);
    expect(all.norms[0]).to.be.above(shared.norms[0]!);
    const own = await gradientConflict(request, twice([0, 1, 1, 0]), ({task}) => task !== null);
    expect(own.cosines[0]![1]).to.equal(0); // Nothing in common: at right angles.
    const none = await gradientConflict(request, twice([0, 1, 1, 0]), () => false).catch(
      (error: Error) => error.message,
    );
    expect(none).to.match(/the tasks share nothing that moves/);
  });
});
