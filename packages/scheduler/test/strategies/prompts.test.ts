import {hostArray} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import type * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {type RunConfigInput, type StepContext, type StepTensors, strategies} from '../../src/index.ts';
import {orthonormal} from '../../src/strategies/orthonormal.ts';
import {ownClasses} from '../../src/strategies/own-classes.ts';
import {computed, spans, told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {
  evaluations,
  logitHashes,
  runTiny,
  smallOptions,
  smallRun,
  tinyEncoder,
  useEngine,
} from '../support/tiny-run.ts';

const kinds = ['l2p', 'dual-prompt', 'coda-prompt'] as const;
const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);

describe('prompts on a frozen encoder', () => {
  const engine = useEngine();
  const owned = (parameters: Readonly<Record<string, unknown>>, part: RegExp): string[] =>
    Object.keys(parameters).filter((path) => part.test(path));

  for (const kind of kinds) {
    it(`${kind}: the encoder and heads of earlier tasks never move again, and prompts learn`, async () => {
      const {checkpoints} = await runTiny(engine(), {scenario: 'class-incremental', ...smallRun(kind)});
      const [second, third] = [checkpoints.at(-2)!.network.parameters, checkpoints.at(-1)!.network.parameters];
      const still = [...owned(second, /\/base\//), ...owned(second, /^head\/segment:[01]\//)].filter(
        (path) => !path.startsWith('head/segment:1/'),
      );
      for (const path of still) expect(third[path]!.data, path).to.deep.equal(second[path]!.data);
      const prompts = owned(third, /module:(2|general|2-0|\d)\/(tokens|keys)$/);
      expect(prompts.some((path) => !second[path] || String(second[path].data) !== String(third[path]!.data))).to.equal(
        true,
      );
    });

    it(`${kind}: with a given encoder, prompts come with the first task and the encoder stays as it was`, async () => {
      const strategy = [{...smallOptions[kind], encoder: 'given'}];
      const {checkpoints, events} = await runTiny(engine(), {network: tinyEncoder, strategy});
      const [fresh, last] = [checkpoints[0]!.network, checkpoints.at(-1)!.network];
      for (const path of owned(fresh.parameters, /\/base\//))
        expect(last.parameters[path]!.data, path).to.deep.equal(fresh.parameters[path]!.data);
      const first = events.find(
        (event) =>
          event.type === 'growth' && event.change === 'add' && event.modules.some((id) => id.includes('/module:')),
      );
      expect(first).to.include({task: 0});
    });

    it(`${kind}: a network without tokens is refused before any training`, async () => {
      const {message} = await refusalOf(kind === 'l2p' ? 'E_COMBINATION' : 'E_UNKNOWN', () =>
        runTiny(engine(), {strategy: [smallOptions[kind]]}),
      );
      expect(message).to.contain(kind === 'l2p' ? 'can stand at no site' : 'attention');
    });
  }

  it('of length 0, each is a head alone on the frozen encoder, bit for bit', async () => {
    const made = async (strategy: {readonly kind: string}) =>
      (await runTiny(engine(), {network: tinyEncoder, strategy: [strategy]})).outcomes;
    const alone = await made({kind: 'frozen-base'});
    for (const kind of kinds) {
      const off = kind === 'dual-prompt' ? {generalLength: 0, expertLength: 0} : {length: 0};
      expect(await made({...smallOptions[kind], ...off}), kind).to.deep.equal(alone);
    }
  });

  it('l2p: all tasks share one pool, and keys move only where they are pulled', async () => {
    const keys = async (pull: number) => {
      const strategy = [{...smallOptions.l2p, pull}];
      const {checkpoints} = await runTiny(engine(), {network: tinyEncoder, strategy});
      const [before, after] = [checkpoints.at(-2)!.network.parameters, checkpoints.at(-1)!.network.parameters];
      const paths = owned(after, /^patches\/gate\/module:\d\/key$/);
      expect(paths).to.have.length(4);
      expect(owned(after, /^patches\/module:\d\/tokens$/)).to.have.length(4);
      return paths.filter((path) => String(before[path]!.data) !== String(after[path]!.data)).length;
    };
    expect(await keys(0)).to.equal(0);
    expect(await keys(1)).to.be.within(1, 4);
  });

  it('dual-prompt: an expert per task with a key, general prompts once; earlier experts are frozen', async () => {
    const {checkpoints} = await runTiny(engine(), smallRun('dual-prompt'));
    const [second, third] = [checkpoints.at(-2)!.network.parameters, checkpoints.at(-1)!.network.parameters];
    expect(owned(third, /module:.*\/keys$/).sort()).to.deep.equal([
      'layer0/attention/module:general/keys',
      'layer1/attention/module:1/keys',
      'layer1/attention/module:2/keys',
    ]);
    const same = (path: string) => String(second[path]!.data) === String(third[path]!.data);
    expect(same('layer1/attention/module:1/keys')).to.equal(true);
    expect(same('layer1/attention/gate/module:1/key')).to.equal(true);
    expect(same('layer0/attention/module:general/keys')).to.equal(false);
  });

  it('dual-prompt: general and expert prompts at one site are refused', async () => {
    const strategy = [{...smallOptions['dual-prompt'], general: ['*/attention']}];
    const {message} = await refusalOf('E_COMBINATION', () => runTiny(engine(), {network: tinyEncoder, strategy}));
    expect(message).to.contain('layer1/attention').and.to.contain('one router decides');
  });

  it('coda-prompt: every task brings components that start orthonormal to all earlier ones, which stay', async () => {
    const train: RunConfigInput['train'] = {epochs: 1, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 1e-30}};
    const {checkpoints} = await runTiny(engine(), {...smallRun('coda-prompt'), train});
    const {parameters} = checkpoints.at(-1)!.network;
    for (const facet of ['key', 'attention']) {
      const vectors = ['1-0', '1-1', '2-0', '2-1'].map(
        (name) => parameters[`layer1/attention/gate/module:${name}/${facet}`]!.data,
      );
      vectors.forEach((one, i) => {
        vectors.forEach((other, j) => {
          expect(dot(one, other), `${facet} ${i} ${j}`).to.be.closeTo(i === j ? 1 : 0, 1e-5);
        });
      });
    }
    const trained = await runTiny(engine(), smallRun('coda-prompt'));
    const [second, third] = trained.checkpoints.slice(-2).map(({network}) => network.parameters);
    for (const path of owned(second!, /module:1-\d\//))
      expect(third![path]!.data, path).to.deep.equal(second![path]!.data);
  });

  it('coda-prompt: the penalty holds components apart while they are trained', async () => {
    const train: RunConfigInput['train'] = {epochs: 3, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.05}};
    const unlike = async (orthogonality: number): Promise<number> => {
      const strategy = [{...smallOptions['coda-prompt'], orthogonality}];
      const {checkpoints} = await runTiny(engine(), {network: tinyEncoder, strategy, train});
      const {parameters} = checkpoints.at(-1)!.network;
      const deviations = ['key', 'attention'].flatMap((facet) => {
        const rows = ['1-0', '1-1', '2-0', '2-1'].map(
          (name) => parameters[`layer1/attention/gate/module:${name}/${facet}`]!.data,
        );
        return rows.flatMap((one, i) => rows.map((other, j) => (dot(one, other) - (i === j ? 1 : 0)) ** 2));
      });
      return deviations.reduce((sum, value) => sum + value, 0);
    };
    expect(await unlike(10)).to.be.below(0.1 * (await unlike(0)));
  });

  it('coda-prompt: the penalty, by hand', async () => {
    const strategy = strategies.parse({kind: 'coda-prompt', components: 2, orthogonality: 0.5});
    // K = [[1, 0], [1, 1]]: K K^T - I = [[0, 1], [1, 1]], mean of squares 3 / 4. A orthonormal: 0. P = [[2, 0], [0, 1]]: 9 / 4.
    const arrays = {
      'site0/gate:0:0/key': [1, 0],
      'site0/gate:0:1/key': [1, 1],
      'site0/gate:0:0/attention': [0, 1],
      'site0/gate:0:1/attention': [1, 0],
      'site0/module:0/keys': [2],
      'site0/module:0/values': [0],
      'site0/module:1/keys': [0],
      'site0/module:1/values': [1],
    };
    const context = told<StepContext>({
      ...spans(1),
      task: {index: 1} as StepContext['task'],
      network: {topology: {head: {kind: 'single'}}} as unknown as StepContext['network'],
      path: {spec: {sites: [{modules: [{}, {}]}]}, segments: []} as unknown as StepContext['path'],
    });
    const part = strategy.step!(context);
    const inputs = Object.fromEntries(
      Object.entries(arrays).map(([name, values]) => [
        name,
        hostArray(Float32Array.from(values), [values.length], 'float32'),
      ]),
    );
    const {penalty} = await computed(engine(), inputs, (parameters) => ({
      penalty: part.term!(told<StepTensors>({parameters})),
    }));
    expectClose(penalty!, [0.5 * (3 / 4 + 9 / 4)]);
  });

  it('nearest-mean, their baseline, runs on the same encoder', async () => {
    const {end, events} = await runTiny(engine(), {
      scenario: 'class-incremental',
      network: tinyEncoder,
      strategy: [smallOptions['nearest-mean']],
    });
    expect(end).to.include({status: 'done', tensorsLeaked: 0});
    expect(
      evaluations(events)
        .filter(({afterTask}) => afterTask === 2)
        .every(({status}) => status === 'ok'),
    ).to.equal(true);
  });

  it('where the task is given, what was learned after it does not change the first task', async () => {
    for (const kind of kinds) {
      const {events} = await runTiny(engine(), smallRun(kind));
      expect(logitHashes(events, 3)[0]!.size, kind).to.equal(1);
    }
  });
});

describe('vectors made orthonormal', () => {
  it('by hand: what lies along earlier ones is taken away', () => {
    expectClose([...orthonormal([[3, 4]])[0]!], [0.6, 0.8]);
    const [first, second] = orthonormal(
      [
        [1, 1, 0],
        [0, 2, 5],
      ],
      [[7, 0, 0]],
    );
    expectClose([...first!, ...second!], [0, 1, 0, 0, 0, 1]);
  });

  it('with nothing left to be orthogonal in, keep their own direction', () => {
    expectClose(
      [
        ...orthonormal(
          [[3, 4]],
          [
            [1, 0],
            [1, 1],
          ],
        )[0]!,
      ],
      [0.6, 0.8],
    );
  });

  it('law: of length 1, at right angles to each other and to earlier ones', () => {
    const line = fc.array(fc.integer({min: -9, max: 9}), {minLength: 12, maxLength: 12});
    const lines = (count: number) => fc.array(line, {minLength: count, maxLength: count});
    fc.assert(
      fc.property(lines(3), lines(4), (earlier, fresh) => {
        const made = orthonormal(fresh, earlier);
        const independent = orthonormal([...earlier, ...fresh]);
        fc.pre(
          independent.every((one, i) => independent.every((other, j) => i === j || Math.abs(dot(one, other)) < 1e-6)),
        );
        made.forEach((one, i) => {
          expect(dot(one, one)).to.be.closeTo(1, 1e-9);
          for (const other of [...earlier, ...made.slice(0, i)]) expect(dot(one, other)).to.be.closeTo(0, 1e-6);
        });
      }),
    );
  });
});

describe('a loss among own classes', () => {
  const engine = useEngine();
  const network = (kind: string) => ({topology: {head: {kind}}}) as unknown as StepContext['network'];
  const path = {
    segments: [
      {task: 0, classes: [4, 5]},
      {task: 1, classes: [6]},
    ],
  } as unknown as StepContext['path'];
  const task = {index: 1} as StepContext['task'];

  it("looks at the task's own logits, and at all for a row of another task", async () => {
    const part = ownClasses({task, network: network('growing'), path});
    const columns = hostArray(Int32Array.from([2, 0]), [2], 'int32');
    const {allowed} = await computed(engine(), {columns}, ({columns}) => ({
      allowed: part.allowed!({columns: columns!, weights: columns!, inputs: {}, feeds: {}}) as tf.Tensor,
    }));
    expect(allowed).to.deep.equal([0, 0, 1, 1, 1, 1]);
  });

  it('is nothing where one head serves all, or there is no other class', () => {
    expect(ownClasses({task, network: network('single'), path}).allowed).to.equal(undefined);
    const own = {segments: [{task: 1, classes: [6]}]} as unknown as StepContext['path'];
    expect(ownClasses({task, network: network('growing'), path: own}).allowed).to.equal(undefined);
  });
});
