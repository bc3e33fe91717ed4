import type {Network} from '@accrete/core';
import {bitEqual, seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  type RunConfigInput,
  type StepContext,
  type StepTensors,
  type Strategy,
  strategies,
  type Task,
} from '../../src/index.ts';
import {withChosen} from '../../src/strategies/lmc-choice.ts';
import {deviationsOff, leastRecognised} from '../../src/strategies/lmc-outliers.ts';
import {structuralPart} from '../../src/strategies/lmc-step.ts';
import {computed, told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

const train: RunConfigInput['train'] = {epochs: 3, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}};
const permuted = {kind: 'permuted', dataset: {kind: 'procedural', classes: 6}, tasks: 2} as const;

describe('lmc: when a layer grows', () => {
  const seeds = seedStream(1);

  it('counts how far the mean error of some examples is off in its own deviations: by hand', () => {
    const usual = {mean: 0.5, deviation: 0.25};
    expect(deviationsOff(usual, 1, 1)).to.equal(2);
    expect(deviationsOff(usual, 1, 64)).to.equal(16); // The mean of 64 examples varies by an eighth of one's.
    expect(deviationsOff(usual, 0.25, 4)).to.equal(-2); // Recognised better than what it was trained on: unusual, too.
    expect(deviationsOff({mean: 0.5, deviation: 0}, 0.6, 64)).to.equal(Number.POSITIVE_INFINITY);
    expect(deviationsOff({mean: 0.5, deviation: 0}, 0.5, 64)).to.equal(0);
  });

  it('looks for the batch whose best |z| is worst: by hand', () => {
    const errors = [
      [1, 3],
      [1, 1],
    ];
    const usual = [
      {mean: 1, deviation: 0.5},
      {mean: 2, deviation: 1},
    ];
    // Both examples at once: (2 - 1) / (0.5 / sqrt 2) and (1 - 2) / (1 / sqrt 2).
    expectClose(leastRecognised(errors, usual, {batch: 2, passes: 1}, seeds), [2 * Math.SQRT2, -Math.SQRT2]);
    // One by one, the first module has seen the like of the first example: 0 and -1. Of the second it is 4 off.
    for (let order = 0; order < 8; order++) {
      expectClose(leastRecognised(errors, usual, {batch: 1, passes: 1}, seeds.fork(order)), [4, -1]);
    }
  });

  it('law: more passes find no better recognised batch, and another module none worse recognised', () => {
    const value = fc.double({min: 0, max: 10, noNaN: true});
    const module = fc.record({
      errors: fc.array(value, {minLength: 7, maxLength: 7}),
      usual: fc.record({mean: value, deviation: fc.double({min: 0.1, max: 5, noNaN: true})}),
    });
    const closest = (
      modules: readonly {errors: number[]; usual: {mean: number; deviation: number}}[],
      passes: number,
    ) =>
      Math.min(
        ...leastRecognised(
          modules.map(({errors}) => errors),
          modules.map(({usual}) => usual),
          {batch: 3, passes},
          seeds,
        ).map(Math.abs),
      );
    fc.assert(
      fc.property(
        fc.array(module, {minLength: 1, maxLength: 3}),
        module,
        fc.integer({min: 1, max: 3}),
        (some, one, n) => {
          expect(closest(some, n + 1)).to.be.at.least(closest(some, n));
          expect(closest([...some, one], n)).to.be.at.most(closest(some, n));
        },
      ),
    );
  });
});

describe('lmc: what it adds to a step', () => {
  const engine = useEngine();
  // Two sites of two modules with two inputs and a code of one; at the first, the second module is new.
  const gate = (i: number, j: number, output: readonly number[]) => ({
    [`site${i}/gate:0:${j}/encoder`]: flat([0, 0], [2, 1]),
    [`site${i}/gate:0:${j}/code`]: flat([0], [1]),
    [`site${i}/gate:0:${j}/decoder`]: flat([0, 0], [1, 2]),
    [`site${i}/gate:0:${j}/output`]: flat(output, [2]),
  });
  const parameters = {...gate(0, 0, [1, 2]), ...gate(0, 1, [0, 0]), ...gate(1, 0, [0, 0]), ...gate(1, 1, [1, 3])};
  const sites = ['layer0', 'layer1'].map((id) => ({id, modules: [{}, {}]}));
  const trainable = Object.keys(gate(0, 1, [0, 0]));
  const context = told({path: {spec: {sites}, bind: {}}, trainable} as unknown as StepContext);
  const options = {weight: 10, rate: 1, temperature: 0.5, projecting: true, chosen: {}};
  const hidden = {h0: flat([1, 2, 3, 4], [2, 2]), h1: flat([1, 1, 1, 1], [2, 2])};

  const termOf = async (projecting: boolean, weights: readonly number[]) => {
    const part = structuralPart(context, {...options, projecting});
    const arrays = {...parameters, ...hidden, weights: flat(weights, [2])};
    return await computed(engine(), arrays, ({h0, h1, weights, ...given}) => {
      const term = (layer0: tf.Tensor, layer1: tf.Tensor) => {
        const made = part.term!(told<StepTensors>({hidden: {layer0, layer1}, parameters: given, weights: weights!}));
        return tf.add(made, tf.mul(0, tf.add(tf.sum(layer0), tf.sum(layer1)))) as tf.Scalar; // There is always a gradient.
      };
      const {value, grads} = tf.valueAndGrads(term)([h0!, h1!]);
      return {value, h0: grads[0]!, h1: grads[1]!};
    });
  };

  it('lets a new module learn from every example, whoever reconstructs it better: by hand', async () => {
    const {value, h0} = await termOf(false, [1, 1]);
    expectClose(value!, [10 * (((1 + 4) / 2 + (9 + 16) / 2) / 2)]);
    expectClose(h0!, [0, 0, 0, 0]); // It learns the layer's input as it is.
    expectClose((await termOf(false, [1, 0]))['value']!, [10 * ((1 + 4) / 2)]); // A row that only fills the batch up.
  });

  it('projects on what the frozen layer above recognises, each of its modules by its share: by hand', async () => {
    const {value, h0, h1} = await termOf(true, [1, 1]);
    // Errors above: 1, and (0 + 4) / 2 = 2; shares 1 / 1^2 to 1 / 2^2: 0.8 and 0.2; mean over two modules.
    expectClose(value!, [10 * (7.5 + (0.8 * 1 + 0.2 * 2) / 2)]);
    expectClose(h0!, [0, 0, 0, 0]);
    // Of each row, 10 / 2 rows / 2 modules * (0.8 (h - 0) + 0.2 (h - [1, 3])).
    expectClose(h1!, [2, 1, 2, 1]);
  });

  it('makes all but the chosen module of a site stand aside, there and in answers', async () => {
    const bind = Object.fromEntries(
      Object.keys(parameters).map((local) => {
        const [, i, j, name] = /^site(\d)\/gate:0:(\d)\/(.+)$/.exec(local)!;
        return [local, `layer${i}/gate/module:${j}/${name}`];
      }),
    );
    const chosen = {layer0: 'layer0/module:1'};
    const bound = told({path: {spec: {sites}, bind}, trainable} as unknown as StepContext);
    const part = structuralPart(bound, {...options, chosen});
    const found = await computed(engine(), parameters, (given) => part.effective!(given, told({})) as never);
    expect(Object.keys(found)).to.deep.equal(['site0/gate:0:0/output']);
    expectClose(found['site0/gate:0:0/output']!, [1e9, 1e9]);
    expect(structuralPart(bound, options)).to.not.have.property('effective');
    const network = {
      parameters: Object.fromEntries(Object.entries(parameters).map(([local, array]) => [bind[local]!, array])),
    } as unknown as Network;
    const seen = withChosen(network, chosen).parameters;
    const changed = Object.keys(seen).filter((path) => !bitEqual(seen[path]!, network.parameters[path]!));
    expect(changed).to.deep.equal(['layer0/gate/module:0/output']);
    expectClose(seen['layer0/gate/module:0/output']!.data, [1e9, 1e9]);
    expect(withChosen(network, {})).to.equal(network);
  });

  it('adds nothing where nothing is new and nothing was chosen', () => {
    const still = told({
      path: {spec: {sites}, bind: {}},
      trainable: ['head/segment:0/kernel'],
    } as unknown as StepContext);
    expect(structuralPart(still, options)).to.deep.equal({key: 'nothing', inputs: {}});
  });

  it('steps autoencoders, and nothing else, at a rate of their own: by hand', async () => {
    const {update} = structuralPart(context, {...options, rate: 4});
    const arrays = {before: flat([1], [1]), after: flat([1.5], [1])};
    const found = await computed(engine(), arrays, ({before, after}) => ({
      gate: update!('site0/gate:0:1/encoder', before!, after!, told({})),
      module: update!('site0/module:1/kernel', before!, after!, told({})),
    }));
    expectClose(found['gate']!, [3]);
    expectClose(found['module']!, [1.5]);
    expect(structuralPart(context, options)).to.not.have.property('update');
  });
});

describe('lmc', () => {
  const engine = useEngine();
  const run = (threshold: number, changed: Partial<RunConfigInput> = {}, options = {}) =>
    runTiny(engine(), {train, strategy: [{...smallOptions.lmc, threshold, ...options}], ...changed});

  it('weighs modules by likelihood and prior together: exponents add up', async () => {
    const {checkpoints} = await run(4, {stream: permuted}, {temperature: 1, priorTemperature: 0.25});
    for (const {routing} of checkpoints.at(-1)!.network.topology.sites) {
      expect(routing).to.include({kind: 'reconstruction', by: 'logarithm', temperature: 0.2}); // 1 + 4 = 5.
    }
  });

  it('grows a layer only where every module finds a batch strange, and says why', async () => {
    const {events, checkpoints} = await run(3, {stream: permuted});
    const decisions = events
      .filter((event) => event.type === 'growth')
      .filter(({task, change, reason}) => task === 1 && (change === 'add' || change === 'reuse') && / z /.test(reason));
    // One decision per layer.
    expect(decisions.map(({modules}) => modules[0]!.split('/')[0])).to.deep.equal(['layer0', 'layer1']);
    const {sites} = checkpoints.at(-1)!.network.topology;
    for (const [i, {change, reason}] of decisions.entries()) {
      const z = Math.abs(Number(/module:0 (-?[\d.]+)/.exec(reason)![1]));
      expect(change).to.equal(z > 3 ? 'add' : 'reuse');
      expect(sites[i]!.modules).to.have.length(change === 'add' ? 2 : 1);
    }
    // Permuted pixels are strange to the first layer.
    expect(decisions[0]!.change).to.equal('add');
  });

  it('law: a threshold that nothing exceeds adds no module; what earlier tasks learned never moves', async () => {
    const {checkpoints, events} = await run(1e6);
    const [first, last] = [checkpoints[1]!.network, checkpoints.at(-1)!.network];
    expect(last.topology.sites.map(({modules}) => modules.length)).to.deep.equal([1, 1]);
    const kept = Object.keys(first.parameters).filter((path) => path.startsWith('layer'));
    for (const path of kept) expect(bitEqual(last.parameters[path]!, first.parameters[path]!), path).to.equal(true);
    // Where nothing grows there is no phase of projection.
    expect(new Set(events.flatMap((event) => (event.type === 'epoch' ? [event.phase] : [])))).to.deep.equal(
      new Set(['train']),
    );
  });

  it('recognises a task that comes back, and grows for one that is new', async () => {
    const stream = {kind: 'recurring', dataset: {kind: 'procedural', classes: 6}, groups: 1, visits: 3} as const;
    const again = await run(3, {stream});
    expect(again.checkpoints.at(-1)!.network.topology.sites.map(({modules}) => modules.length)).to.deep.equal([1, 1]);
    const fresh = await run(3, {stream: permuted});
    expect(fresh.checkpoints.at(-1)!.network.topology.sites[0]!.modules).to.have.length(2);
  });

  it('prior of the task: one module per layer, new where the layer grew, the closest elsewhere; answers see only it', async () => {
    const {checkpoints, events} = await run(3, {stream: permuted}, {prior: 'task'});
    const {network, strategyStates} = checkpoints.at(-1)!;
    const reasons = events.flatMap((event) =>
      event.type === 'growth' && event.task === 1 && / z /.test(event.reason) ? [event.reason] : [],
    );
    const expected = network.topology.sites.map(({id, modules}, i) => {
      const closest = /(?:closest is|starts as) (\S+)$/.exec(reasons[i]!)![1];
      return [id, modules.length === 2 ? `${id}/module:1` : closest];
    });
    const state = strategyStates[0]!;
    expect(state.values['chosen']).to.deep.equal({1: Object.fromEntries(expected)});
    const strategy = strategies.parse({...smallOptions.lmc, prior: 'task'});
    const view = (task: number) => strategy.view!({network, state, task}).parameters;
    expect(view(0)).to.equal(network.parameters);
    const grown = network.topology.sites.filter(({modules}) => modules.length === 2).map(({id}) => id);
    const moved = Object.keys(network.parameters).filter(
      (path) => !bitEqual(view(1)[path]!, network.parameters[path]!),
    );
    expect(moved).to.deep.equal(grown.map((id) => `${id}/gate/module:0/output`));
  });

  it('prior of the task: needs the task, given or inferred', async () => {
    const scenario = 'domain-incremental';
    const {message} = await refusalOf('E_COMBINATION', () => run(3, {stream: permuted, scenario}, {prior: 'task'}));
    expect(message).to.contain('withholds the task at test time, but lmc predicts by task');
    const inferred = {stream: permuted, scenario, taskInference: {kind: 'lowest-entropy'}} as const;
    const {end} = await run(3, inferred, {prior: 'task'});
    expect(end).to.include({status: 'done', tensorsLeaked: 0});
  });

  it('projects until the task trains as a whole, and judges layers by as many passes as that takes', async () => {
    const strategy = strategies.parse(smallOptions.lmc);
    const {checkpoints} = await run(3, {stream: permuted});
    const {network, strategyStates} = checkpoints[1]!;
    const task = told<Task>({index: 1});
    const {state, phases} = strategy.plan!(
      told<Parameters<NonNullable<Strategy['plan']>>[0]>({
        task,
        network,
        state: strategyStates[0]!,
        epochs: 3,
        seeds: seedStream(1),
      }),
    );
    expect(phases!.map(({name}) => name)).to.deep.equal(['grow layer0', 'grow layer1', 'train']);
    expect(state!.values).to.include({projecting: true, passes: 3});
    const entry = await strategy.enter!(
      told<Parameters<NonNullable<Strategy['enter']>>[0]>({phase: {name: 'train', epochs: 3}, network, state: state!}),
    );
    expect(entry.state!.values).to.include({projecting: false, passes: 3});
  });

  it('starts a new module as the one that comes closest', async () => {
    const still: RunConfigInput['train'] = {epochs: 1, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 1e-30}};
    const {checkpoints} = await run(0, {train: still, stream: permuted});
    const {parameters, topology} = checkpoints.at(-1)!.network;
    const grown = topology.sites.filter(({modules}) => modules.length === 2);
    expect(grown.length).to.be.greaterThan(0);
    for (const {id} of grown) {
      for (const path of ['module:N/kernel', 'gate/module:N/encoder']) {
        const [old, fresh] = [0, 1].map((n) => parameters[`${id}/${path.replace('N', String(n))}`]!);
        expect(bitEqual(fresh!, old!), path).to.equal(true);
      }
    }
  });
});
