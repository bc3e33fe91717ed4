import {bitEqual, seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {
  allModules,
  architectures,
  initialParameters,
  networkSize,
  type Purpose,
  validateNetwork,
} from '../../src/index.ts';
import {network, purpose} from '../support/networks.ts';
import {thrown} from '../support/thrown.ts';

describe('the mlp architecture', () => {
  it('has a dense base at every hidden layer, and parameters for each of them', () => {
    const {topology, parameters} = network({}, {head: 'single'});
    expect(Object.fromEntries(Object.entries(parameters).map(([path, {shape}]) => [path, shape]))).to.deep.equal({
      'layer0/base/kernel': [4, 3],
      'layer0/base/bias': [3],
      'layer1/base/kernel': [3, 2],
      'layer1/base/bias': [2],
      'head/segment:0/kernel': [2, 4],
      'head/segment:0/bias': [4],
    });
    expect(allModules(topology).map(({id}) => id)).to.deep.equal(['layer0/base', 'layer1/base', 'head/segment:0']);
    expect(topology.sites[0]).to.deep.include({
      modules: [],
      activation: 'relu',
      routing: {kind: 'by-task'},
      aggregation: {kind: 'sum'},
    });
    expect(networkSize({topology, parameters})).to.equal(12 + 3 + 6 + 2 + 8 + 4);
    validateNetwork({topology, parameters});
  });

  it('may give the last hidden layer a non-linearity of its own', () => {
    const activations = (options: {readonly lastActivation?: 'linear'}) =>
      network({activation: 'tanh', ...options}).topology.sites.map(({activation}) => activation);
    expect(activations({})).to.deep.equal(['tanh', 'tanh']);
    expect(activations({lastActivation: 'linear'})).to.deep.equal(['tanh', 'linear']);
  });

  it('gives a single head every class, and the others none before a task comes', () => {
    expect(network({}, {head: 'single', classes: [7, 3]}).topology.head.segments[0]!.classes).to.deep.equal([7, 3]);
    for (const head of ['per-task', 'growing'] as const) {
      expect(network({}, {head}).topology.head).to.deep.include({kind: head, segments: []});
    }
  });

  it('is JSON but for its parameters', () => {
    const {topology} = network({}, {head: 'single'});
    expect(JSON.parse(JSON.stringify(topology))).to.deep.equal(topology);
  });

  it('starts the same from the same seed, module by module from streams of their own', () => {
    const [a, again, other] = [network(), network(), network({}, {}, 2)];
    const wider = network({hidden: [3, 2, 5]});
    for (const [path, array] of Object.entries(a.parameters)) {
      expect(bitEqual(array, again.parameters[path]!), path).to.equal(true);
      expect(bitEqual(array, other.parameters[path]!), path).to.equal(false);
      expect(bitEqual(array, wider.parameters[path]!), path).to.equal(true);
    }
  });

  it('starts two modules of one shape differently', () => {
    const square = network({hidden: [4, 4]}).parameters;
    expect(bitEqual(square['layer0/base/kernel']!, square['layer1/base/kernel']!)).to.equal(false);
    const [module] = allModules(network().topology);
    const twin = initialParameters({...module!, id: 'layer0/twin'}, seedStream(1, 'network'));
    expect([...twin['layer0/twin/kernel']!.data]).to.not.deep.equal([
      ...network().parameters['layer0/base/kernel']!.data,
    ]);
  });

  it('starts as its initialiser says', () => {
    const constant = network({initializer: {kind: 'constant', value: 3}}, {head: 'single'});
    for (const {data} of Object.values(constant.parameters)) expect(data.every((x) => x === 3)).to.equal(true);
  });

  it('normalises per channel: to the unit range, or to mean 0 and deviation 1', () => {
    const never = () => expect.fail('the pixels were looked at');
    const input = (normalisation: string, given: Purpose['input']) => {
      const spec = network({normalisation}, {input: given}).topology.input;
      return spec.kind === 'image' ? spec : expect.fail('not an image');
    };
    expect(input('unit-range', {kind: 'image', shape: [2, 2, 3], pixels: never})).to.deep.equal({
      kind: 'image',
      features: 12,
      shape: [2, 2, 3],
      scale: [1 / 255, 1 / 255, 1 / 255],
      shift: [0, 0, 0],
    });
    const {scale, shift} = input('standardised', {
      kind: 'image',
      shape: [1, 2, 2],
      pixels: () => ({mean: [0.5, 0.1], sd: [0.25, 0]}),
    });
    expectClose(scale, [4 / 255, 1 / 255]);
    expectClose(shift, [-2, -0.1]);
  });

  it('refuses what is no architecture', () => {
    expect(thrown(() => architectures.parse({kind: 'mlp', hidden: []})).message).to.match(/E_CONFIG[\s\S]*at hidden/);
    expect(thrown(() => architectures.parse({kind: 'mlp', routing: {kind: 'by-tasks'}})).message).to.match(/E_CONFIG/);
    expect(thrown(() => architectures.parse({kind: 'perceptron'})).message).to.contain('Known: mlp');
    expect(architectures.parse({kind: 'mlp'}).build(purpose(), seedStream(0)).topology.sites.length).to.equal(2);
  });
});
