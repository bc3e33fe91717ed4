import {readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {computations, evaluation, forward, freeze, growHead, growModules, type Owner, pathOf} from '@accrete/core';
import {type HostArray, type ParsedConfig, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {type RunConfigInput, run, type Strategy, strategies} from '../../src/index.ts';
import {Session} from '../../src/run/session.ts';
import {type FeatureRequest, FeatureStore, type Features, type Kept} from '../../src/training/feature-store.ts';
import {keptInputs, startFrom} from '../../src/training/kept-batch.ts';
import {names, parametersOf} from '../../src/training/step-inputs.ts';
import {
  collect,
  dataset,
  logitHashes,
  runTiny,
  runWith,
  tinyConfig,
  tinyEncoder,
  useEngine,
} from '../support/tiny-run.ts';

const lora = computations.validate({kind: 'low-rank', rank: 2});

const spilled = () => readdirSync(tmpdir()).filter((name) => name.startsWith('accrete-features-'));

/** A session whose first layer is frozen, and what to ask a store for. */
function subject(engine: ReturnType<ReturnType<typeof useEngine>>) {
  const session = new Session(tinyConfig(), {engine, dataset});
  const {network} = freeze(session.network, ({id}) => id === 'layer0/base');
  const path = pathOf(network.topology, 0, []);
  const {stream} = session;
  const compiles: boolean[] = [];
  const compiled = ({cached}: {readonly cached: boolean}) => void compiles.push(cached);
  const settled = ({frozen}: Owner) => frozen;
  const request = {stream, network, path, settled, part: 'train', compiled} as const;
  return {request, compiles};
}

/** The same with all layers frozen, and a module of task 0 at the last one. */
function grown(engine: ReturnType<ReturnType<typeof useEngine>>, computation: ParsedConfig, frozen = false) {
  const {request} = subject(engine);
  const headed = growHead(request.network, 0, [0, 1], seedStream(3)).network;
  const still = freeze(headed, ({id}) => !id.startsWith('head/')).network;
  const {network: fresh} = growModules(still, {task: 0, computation, sites: ['layer1']}, seedStream(3));
  const network = frozen ? freeze(fresh, () => true).network : fresh;
  return {...request, network, path: pathOf(network.topology, 0, network.topology.head.segments), tasks: [0]};
}

async function of(store: FeatureStore, request: FeatureRequest): Promise<Features> {
  const features = await store.of(request);
  expect(features).to.not.equal(null);
  return features!;
}

const keep = async (store: FeatureStore, request: FeatureRequest): Promise<Kept> =>
  (await of(store, request)).keep(['state']);

const rowsOf = (kept: Kept, task: number, examples: readonly number[], value = 'state', width = 12): number[] => {
  const into = new Float32Array(examples.length * width);
  const rows = examples.map((example) => ({task, example}));
  kept.fill(value, rows, into);
  return [...into];
};

/** x W + b, by hand. */
function dense(x: readonly number[], {data: kernel}: HostArray, {data: bias}: HostArray): number[] {
  return Array.from(bias, (b, u) => x.reduce((sum, value, i) => sum + value * kernel[i * bias.length + u]!, b));
}

/** What the first layer makes of a training example of task `task`, by hand. */
function firstState({stream, network}: Omit<FeatureRequest, 'tasks'>, task: number, example: number): number[] {
  const at = stream.tasks[task]!.examples.train[example]! * 36;
  const x = Array.from(dataset.train.images.subarray(at, at + 36), (byte) => byte / 255);
  const {parameters} = network;
  return dense(x, parameters['layer0/base/kernel']!, parameters['layer0/base/bias']!).map((y) => Math.max(0, y));
}

function expectNear(values: readonly number[], expected: readonly number[]): void {
  expect(values.length).to.equal(expected.length);
  values.forEach((value, u) => {
    expect(value).to.be.closeTo(expected[u]!, 1e-5);
  });
}

describe('the feature store', () => {
  const engine = useEngine();

  it('holds what the layer makes of each example: relu(x W + b)', async () => {
    const {request} = subject(engine());
    const store = new FeatureStore(engine());
    const {settled, shapes} = await of(store, {...request, tasks: [1]});
    expect(settled).to.deep.equal({stages: 1, sites: [], bases: [], query: false});
    expect(shapes).to.deep.equal({state: [12]});
    const kept = await keep(store, {...request, tasks: [1]});
    for (const example of [0, 7]) expectNear(rowsOf(kept, 1, [example]), firstState(request, 1, example));
    store.dispose();
  });

  it('holds what the base of a site puts out beside its module, before the non-linearity: h W + b', async () => {
    const request = grown(engine(), lora);
    const store = new FeatureStore(engine());
    const features = await of(store, request);
    expect(features.shapes).to.deep.equal({state: [12], 'layer1/base': [8]});
    const kept = await features.keep(['layer1/base']);
    expect(store.bytes).to.equal(request.stream.tasks[0]!.examples.train.length * 8 * 4); // And nothing else.
    const {parameters} = request.network;
    const y = dense(firstState(request, 0, 5), parameters['layer1/base/kernel']!, parameters['layer1/base/bias']!);
    expectNear(rowsOf(kept, 0, [5], 'layer1/base', 8), y);
    store.dispose();
  });

  it('holds of an encoder layer what modules in query and value do not reach: keys whole, of both what their bases put out', async () => {
    const session = new Session(tinyConfig({network: tinyEncoder}), {engine: engine(), dataset});
    const still = freeze(session.network, () => true).network;
    const growth = {task: 0, computation: lora, sites: ['layer1/query', 'layer1/value']};
    const {network} = growModules(still, growth, seedStream(3));
    const {request} = subject(engine());
    const store = new FeatureStore(engine());
    const {shapes} = await of(store, {...request, network, path: pathOf(network.topology, 0, []), tasks: [0]});
    const positions = [5, 8]; // A class token and four patches.
    expect(shapes).to.deep.equal({
      state: positions,
      'layer1/norm1': positions,
      'layer1/key': positions,
      'layer1/query/base': positions,
      'layer1/value/base': positions,
    });
    store.dispose();
  });

  it('is asked for what a program reads alone: an adapter takes what the base puts out, a low-rank module its input too', async () => {
    const readBy = async (computation: ParsedConfig): Promise<string[]> => {
      const request = grown(engine(), computation);
      const store = new FeatureStore(engine());
      const features = await of(store, request);
      const inputs = keptInputs(features, 4);
      const parameters = Object.entries(request.path.bind).map(([local, at]) => {
        const {shape} = request.network.parameters[at]!;
        return [names.parameter(local), {shape, dtype: 'float32'}] as const;
      });
      const program = await engine().compile(
        (given) => {
          const own = parametersOf(given, Object.keys(given));
          return {logits: forward(request.path.spec, own, null, evaluation, startFrom(features, given)).logits};
        },
        {...Object.fromEntries(parameters), ...inputs},
        {name: 'rest', optional: Object.keys(inputs)},
      );
      const read = Object.keys(program.inputs).filter((name) => name in inputs);
      program.dispose();
      store.dispose();
      return read;
    };
    const adapter = computations.validate({kind: 'adapter', bottleneck: 2});
    expect(await readBy(adapter)).to.deep.equal([names.kept('layer1/base')]);
    expect(await readBy(lora)).to.have.members([names.kept('state'), names.kept('layer1/base')]);
  });

  it('computes what a task has of its own from what all tasks share, and keeps both', async () => {
    const request = grown(engine(), lora, true);
    const store = new FeatureStore(engine());
    const kept = await keep(store, request);
    const examples = request.stream.tasks[0]!.examples.train.length;
    expect(store.bytes).to.equal(examples * (12 + 8 + 8) * 4); // The state and base of `layer1` below, its outcome above.
    const {parameters} = request.network;
    const h = firstState(request, 0, 3);
    const base = dense(h, parameters['layer1/base/kernel']!, parameters['layer1/base/bias']!);
    expectNear(
      rowsOf(kept, 0, [3], 'state', 8),
      base.map((y) => Math.max(0, y)),
    ); // A fresh low-rank module adds 0.
    const {bytes} = store;
    await keep(store, request);
    expect(store.bytes).to.equal(bytes);
    store.dispose();
  });

  it('computes once what is asked for again, and anew what is made of other parameters', async () => {
    const {request, compiles} = subject(engine());
    const store = new FeatureStore(engine());
    const first = rowsOf(await keep(store, {...request, tasks: [0, 1]}), 1, [3, 4]);
    const {bytes} = store;
    const before = compiles.length;
    expect(rowsOf(await keep(store, {...request, tasks: [1]}), 1, [3, 4])).to.deep.equal(first);
    expect([compiles.length, store.bytes]).to.deep.equal([before, bytes]);
    const bias = request.network.parameters['layer0/base/bias']!;
    const moved = {...bias, data: bias.data.map((b) => b + 1)};
    const network = {...request.network, parameters: {...request.network.parameters, 'layer0/base/bias': moved}};
    expect(rowsOf(await keep(store, {...request, network, tasks: [1]}), 1, [3, 4])).to.not.deep.equal(first);
    expect(store.bytes).to.be.above(bytes);
    store.dispose();
  });

  it('gives rows in any order, those that follow one another at once, in memory and from a file', async () => {
    const {request} = subject(engine());
    const [task0, task1] = [0, 1].map((task) => (example: number) => ({task, example}));
    // Stretches of examples, one that goes on in another task, and one that goes back.
    const rows = [...[3, 4, 5].map(task0!), ...[6, 7].map(task1!), ...[9, 8, 8, 9].map(task0!)];
    for (const budget of [2 ** 20, 4000]) {
      const store = new FeatureStore(engine(), budget);
      const kept = await keep(store, {...request, tasks: [0, 1]});
      const into = new Float32Array((rows.length + 2) * 12).fill(-1);
      kept.fill('state', rows, into, 1);
      const one = rows.flatMap(({task, example}) => rowsOf(kept, task, [example]));
      expect([...into]).to.deep.equal([...Array(12).fill(-1), ...one, ...Array(12).fill(-1)]);
      expect(one.slice(0, 12)).to.not.deep.equal(one.slice(12, 24));
      store.dispose();
    }
  });

  it('moves what was used longest ago into a file where memory is short, to the same bits, and leaves none behind', async () => {
    const {request} = subject(engine());
    const before = spilled();
    const [roomy, tight] = [new FeatureStore(engine()), new FeatureStore(engine(), 4000)];
    const tasks = [0, 1, 2];
    const [all, few] = [await keep(roomy, {...request, tasks}), await keep(tight, {...request, tasks})];
    expect(tight.bytes).to.be.at.most(4000);
    expect(spilled().length).to.equal(before.length + 1);
    for (const task of [2, 0, 1]) expect(rowsOf(few, task, [5, 0, 9])).to.deep.equal(rowsOf(all, task, [5, 0, 9]));
    roomy.dispose();
    tight.dispose();
    expect(spilled()).to.deep.equal(before);
  });

  it('gives nothing where nothing is settled', async () => {
    const {request} = subject(engine());
    const store = new FeatureStore(engine());
    expect(await store.of({...request, settled: () => false, tasks: [0]})).to.equal(null);
    store.dispose();
  });
});

describe('a run over frozen stages', () => {
  const engine = useEngine();
  const train: RunConfigInput['train'] = {epochs: 3, batchSize: 16};
  const strategy = [{kind: 'grow', module: {kind: 'low-rank', rank: 3}, sites: ['layer1']}];

  it('trains on what they put out, and keeps old logits to the bit', async () => {
    const {events, checkpoints} = await runTiny(engine(), {train, strategy});
    const programs = events.filter((event) => event.type === 'compile').map(({program}) => program);
    expect(programs).to.include('features');
    expect(checkpoints.at(-1)!.network.topology.sites.map(({modules}) => modules.length)).to.deep.equal([0, 2]);
    expect(logitHashes(events, 3).map(({size}) => size)).to.deep.equal([1, 1, 1]);
  });

  // Beside a module in query and value, the keys are kept whole, and of the other two what their bases put out.
  const inAttention: RunConfigInput['strategy'] = [
    {kind: 'grow', module: {kind: 'low-rank', rank: 3}, sites: ['layer1/query', 'layer1/value']},
  ];
  const cases: readonly [string, RunConfigInput['network'], NonNullable<RunConfigInput['strategy']>][] = [
    ['the last layer of a perceptron', {kind: 'mlp', hidden: [13, 8]}, strategy],
    ['query and value of an encoder', tinyEncoder, inAttention],
  ];
  for (const [where, network, chain] of cases) {
    it(`learns in ${where} what it learns where every step computes all`, async () => {
      const config = tinyConfig({train, strategy: chain, network});
      const grow = strategies.parse(chain[0]);
      // A strategy that reaches into the parameters of a step has nothing computed beforehand.
      const reaching: Strategy = {
        taskSpecific: false,
        mixesTasks: false,
        rehearsalRows: 0,
        step: () => ({key: 'reaching', inputs: {}, effective: () => ({})}),
      };
      const runs = [[grow], [grow, reaching]].map((parts) => runWith(config, parts, {engine: engine(), dataset}));
      const [kept, computed] = [await collect(runs[0]!), await collect(runs[1]!)];
      const [a, b] = [kept, computed].map(({checkpoints}) => checkpoints.at(-1)!.network.parameters);
      for (const [path, {data}] of Object.entries(a!)) {
        data.forEach((value, i) => {
          expect(value, path).to.be.closeTo(b![path]!.data[i]!, 1e-5);
        });
      }
      const asked = ({events}: typeof kept) =>
        events.filter((event) => event.type === 'compile' && event.program === 'features');
      expect(asked(kept).length).to.be.above(0);
    });

    it(`goes on in ${where} in the middle of a task to the same bits`, async () => {
      const config = tinyConfig({train, strategy: chain, network});
      const whole = await collect(run(config, {engine: engine(), dataset, checkpointEverySteps: 3}));
      const inside = whole.checkpoints.filter(({cursor}) => cursor.task === 1 && cursor.begun);
      expect(inside.length).to.be.above(1);
      const resumed = await collect(run(config, {engine: engine(), dataset, resume: inside.at(-1)!}));
      expect(resumed.end?.parametersHash).to.equal(whole.end?.parametersHash);
    });
  }
});
