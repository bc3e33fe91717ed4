import {createEngine, type Engine} from '@accrete/engine';
import {bitEqual, seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {
  aggregators,
  allModules,
  architectures,
  below,
  computations,
  forward,
  freeze,
  type Grown,
  growHead,
  growModules,
  type InputSpec,
  leading,
  type Network,
  type Parameters,
  type Path,
  type PathTensors,
  pathOf,
  readsInput,
  segmentsFor,
  settledPart,
  settledValues,
  validateNetwork,
  withParameters,
} from '../../../src/index.ts';
import {cases as modules} from '../../modules/cases.ts';
import {numbers, useCpuBackend} from '../../support/cpu-backend.ts';
import {answer, examples, learn} from '../../support/learner.ts';
import {moved} from '../../support/sites.ts';
import {thrown} from '../../support/thrown.ts';
import {type Case, cases, inputs} from './cases.ts';

const classes = [0, 1, 2];
const seeds = seedStream(4);

let engine: Engine;
before(async () => {
  engine = await createEngine({kind: 'onnx'});
});
after(() => engine.dispose());

for (const kind of architectures.kinds) {
  for (const {config, input, module} of cases[kind] as readonly Case[]) {
    describe(`network ${JSON.stringify(config)} for ${input}`, () => {
      const build = (change: object = {}, seed = 1): Network =>
        architectures
          .parse({...config, ...change})
          .build({input: inputs[input], head: 'single', classes}, seedStream(seed));
      const architecture = architectures.parse(config);

      it('is JSON but for its parameters, and these fit', () => {
        const network = build();
        expect(JSON.parse(JSON.stringify(network.topology))).to.deep.equal(network.topology);
        validateNetwork(network);
      });

      it('starts the same from the same seed, and no two modules alike', () => {
        const [one, again, other] = [build(), build(), build({}, 2)];
        for (const [path, array] of Object.entries(one.parameters)) {
          expect(bitEqual(array, again.parameters[path]!), path).to.equal(true);
          const drawn = new Set(array.data).size > 1;
          expect(bitEqual(array, other.parameters[path]!), path).to.equal(!drawn);
        }
        const drawn = Object.values(one.parameters).filter(({data}) => new Set(data).size > 1);
        expect(new Set(drawn.map(({data}) => String(data.slice(0, 4)))).size).to.equal(drawn.length);
      });

      it('runs every site once, in one of its stages', () => {
        const {topology} = build();
        const run = architecture.stages(topology.input).flatMap(({sites}) => sites);
        expect([...run].sort()).to.deep.equal(topology.sites.map(({id}) => id).sort());
      });

      it('learns to tell three classes apart, in evaluation as in training', async () => {
        const {topology, parameters} = build();
        const batch = examples(topology.input, 24, classes.length);
        const {network, losses} = await learn(engine, {topology, parameters}, batch, {rate: 0.02});
        expect(losses[0]).to.be.greaterThan(0.7);
        expect(losses.at(-1)).to.be.lessThan(0.2);
        const fresh = await answer(engine, {topology, parameters}, batch);
        const trained = await answer(engine, network, batch);
        expect(fresh.accuracy).to.be.lessThan(0.9);
        expect(trained.accuracy).to.equal(1);
      });

      it('is not changed by modules that start as the identity, bit for bit, and learns by them alone', async () => {
        const base = freeze(build({routing: {kind: 'up-to-task'}}), () => true).network;
        const batch = examples(base.topology.input, 6, classes.length);
        const before = await answer(engine, base, batch);
        const computation = computations.validate(module);
        const one = growModules(base, {task: 0, computation}, seeds).network;
        expect(bitEqual((await answer(engine, one, batch)).logits, before.logits)).to.equal(true);
        const {network, losses} = await learn(engine, one, batch, {steps: 15, rate: 0.03});
        expect(losses.at(-1)).to.be.lessThan(losses[0]! - 0.01);
        for (const [path, array] of Object.entries(base.parameters)) {
          expect(bitEqual(array, network.parameters[path]!), path).to.equal(true);
        }
        // What a later task brings, and does with it, leaves the path of this one alone.
        const kept = await answer(engine, network, batch);
        expect(bitEqual(kept.logits, before.logits)).to.equal(false);
        const two = growModules(network, {task: 1, computation}, seeds);
        const later = withParameters(two.network, changed(two));
        expect(bitEqual((await answer(engine, later, batch)).logits, kept.logits)).to.equal(true);
        expect(bitEqual((await answer(engine, later, batch, 1)).logits, kept.logits)).to.equal(false);
      });

      it('takes an inventory from the start, wherever such modules can stand', () => {
        const inventory = {module, count: 3};
        const {topology, parameters} = build({inventory, routing: {kind: 'softmax'}});
        const sites = topology.sites.filter(({modules}) => modules.length > 0);
        expect(sites.length).to.be.greaterThan(0);
        for (const {id, modules} of sites) {
          expect(modules.map((module) => [module.id, module.task])).to.deep.equal([
            [`${id}/module:start0`, null],
            [`${id}/module:start1`, null],
            [`${id}/module:start2`, null],
          ]);
        }
        validateNetwork({topology, parameters});
        expect(thrown(() => build({inventory})).message).to.contain('routing "by-task" never uses');
        const elsewhere = {...inventory, sites: ['nowhere*']};
        expect(thrown(() => build({inventory: elsewhere, routing: {kind: 'softmax'}})).message).to.contain('E_UNKNOWN');
      });

      describe('on plain tensors', () => {
        useCpuBackend();
        const bound = (network: Network, path: Path): PathTensors =>
          Object.fromEntries(
            Object.entries(path.bind).map(([local, at]) => {
              const {data, shape} = network.parameters[at]!;
              return [local, tf.tensor(data, [...shape])];
            }),
          );
        const given = (spec: InputSpec, rows: number): tf.Tensor => {
          const {x} = examples(spec, rows, classes.length);
          return tf.tensor(x.data as Float32Array, [...x.shape], x.dtype === 'float32' ? 'float32' : 'int32');
        };

        it('runs the sites of its stages in the order in which it names them', () => {
          const network = build();
          const path = pathOf(network.topology, 0, segmentsFor(network.topology, 0));
          const {hidden} = forward(path.spec, bound(network, path), given(network.topology.input, 2));
          const named = architecture.stages(network.topology.input).flatMap(({sites}) => sites);
          expect(Object.keys(hidden)).to.deep.equal(named);
        });

        it('goes on from any of its stages, and from any site with modules, as if it had begun at the input', () => {
          const grown = growModules(build(), {task: 0, computation: computations.validate(module)}, seeds);
          const network = withParameters(grown.network, changed(grown));
          const path = pathOf(network.topology, 0, segmentsFor(network.topology, 0));
          const parameters = bound(network, path);
          const x = given(network.topology.input, 3);
          const whole = numbers(forward(path.spec, parameters, x).logits);
          const stages = architecture.stages(network.topology.input);
          const atStages = stages.map((_, i) => ({stages: i + 1, sites: [], bases: [], query: false}));
          const occupied = [...network.topology.sites.keys()].filter((i) => path.spec.sites[i]!.modules.length > 0);
          // What moves: the module of one site, or of two that follow each other.
          const atSites = occupied.flatMap((i, k) =>
            [[i], occupied.slice(k, k + 2)].map((moving) =>
              settledPart(path, (_, local) => !moving.some((j) => local.startsWith(`site${j}/module:`))),
            ),
          );
          for (const settled of [...atStages, ...atSites]) {
            const {values} = leading(path.spec, parameters, x, settled);
            expect(Object.keys(values).sort()).to.deep.equal([...settledValues(settled)].sort());
            const needed = readsInput(path.spec, settled.stages) ? x : null;
            const rest = forward(path.spec, parameters, needed, undefined, {settled, values});
            expectClose(numbers(rest.logits), whole, {absolute: 1e-6});
            expect(settled.sites.filter((id) => id in rest.hidden)).to.deep.equal([]); // Not computed again.
          }
          // A site that runs once per position ends what is kept; any other gives at least what its base puts out.
          for (const {stages: before, bases} of atSites)
            expect(bases.length === 0).to.equal(stages[before]!.repeats === true);
        });

        for (const of of computations.kinds) {
          it(`runs with ${of} wherever it says that it can stand, or nowhere and says why`, () => {
            const base = build();
            const computation = computations.validate(modules[of][0].config);
            const grow = (): Network => growModules(base, {task: 0, computation}, seeds).network;
            const stands = base.topology.sites.some(({base: {computation: beside, inputs, units}}) => {
              const shape = {inputs, units, beside};
              const module = computations.parse(computation);
              return (module.refusal?.(shape) ?? aggregators.create({kind: 'sum'}).refusal(shape, module)) === null;
            });
            if (!stands) {
              expect(thrown(grow).message).to.match(new RegExp(`^E_COMBINATION: ${of} can stand at no site`));
              return;
            }
            const network = grow();
            const path = pathOf(network.topology, 0, segmentsFor(network.topology, 0));
            const {logits} = forward(path.spec, bound(network, path), given(network.topology.input, 2));
            expect(logits.shape).to.deep.equal([2, classes.length]);
            expect(numbers(logits).every(Number.isFinite)).to.equal(true);
          });
        }
      });
    });
  }
}

describe('networks', () => {
  it('refuse what they cannot take, and say why', () => {
    const build = (config: object, input: keyof typeof inputs) =>
      thrown(() => architectures.parse(config).build({input: inputs[input], head: 'single', classes}, seeds)).message;
    expect(build({kind: 'cnn'}, 'texts')).to.match(/^E_COMBINATION: .*"cnn" takes images, got tokens/);
    expect(build({kind: 'resnet18'}, 'vectors')).to.contain('"resnet18" takes images, got vector');
    expect(build({kind: 'transformer'}, 'vectors')).to.contain('images or tokens');
    expect(build({kind: 'gru'}, 'vectors')).to.contain('images or tokens');
    expect(build({kind: 'cnn', channels: [[2], [2], [2], [2]]}, 'images')).to.contain('8 x 8 pixels are too few');
    expect(build({kind: 'cnn', channels: [[6]], norm: 'group', groups: 4}, 'images')).to.match(
      /block0\/norm0.*4 equal groups/,
    );
    expect(build({kind: 'transformer', patch: 3}, 'images')).to.contain(
      'patches of 3 x 3 pixels do not tile images of 8 x 8',
    );
    expect(build({kind: 'transformer', width: 10, heads: 4}, 'texts')).to.match(/layer0\/attention.*4 heads/);
  });

  it('put an inventory only where they are told', () => {
    const inventory = {module: {kind: 'dense'}, count: 2, sites: ['layer1']};
    const {topology} = architectures
      .parse({kind: 'mlp', hidden: [4, 4], inventory, routing: {kind: 'softmax'}, aggregation: {kind: 'mixture'}})
      .build({input: inputs.vectors, head: 'per-task', classes}, seeds);
    expect(topology.sites.map(({modules}) => modules.length)).to.deep.equal([0, 2]);
    expect(allModules(growHead({topology, parameters: {}}, 0, [0], seeds).network.topology).length).to.equal(5);
  });
});

/** The parameters of what has come, away from where they start. */
function changed({network, added}: Grown): Parameters {
  const owned = added.flatMap((id) =>
    Object.entries(moved(below(network.parameters, id))).map(([name, array]) => [`${id}/${name}`, array] as const),
  );
  return Object.fromEntries(owned) as Parameters;
}
