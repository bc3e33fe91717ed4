import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {
  type Computation,
  computations,
  dense,
  evaluation,
  lowRank,
  type ModuleCall,
  type ModuleTensors,
  type SiteShape,
} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';

const site: SiteShape = {inputs: 3, units: 2, beside: null};
const zero = [0, 0, 0, 0];

describe('modules, worked by hand', () => {
  useCpuBackend();
  const h = () => matrix([1, 2, 3], [0, -1, 1]);
  const callOf = (parameters: ModuleTensors): ModuleCall => {
    return {site, h: h(), parameters, shared: {}, base: null, context: evaluation, name: 'module', extra: {}};
  };
  const run = (module: Computation, parameters: ModuleTensors) => module.run(callOf(parameters));

  it('dense: h W + b', () => {
    const kernel = matrix([1, 0], [0, 2], [-1, 1]);
    const module = computations.create({kind: 'dense'});
    expect(numbers(run(module, {kernel, bias: tf.tensor1d([10, 20])}))).to.deep.equal([8, 27, 9, 19]);
    expect(numbers(run(module, {kernel}))).to.deep.equal([-2, 7, -1, -1]);
    expect(Object.keys(computations.create({kind: 'dense', bias: false}).parameters(site))).to.deep.equal(['kernel']);
  });

  it('dense: takes the width of the base unless it has one of its own', () => {
    const wide = computations.create({kind: 'dense', units: 5});
    expect([wide.width(site), computations.create({kind: 'dense'}).width(site)]).to.deep.equal([5, 2]);
    const shapes = Object.values(wide.parameters(site)).map(({shape, fanIn, fanOut}) => [shape, fanIn, fanOut]);
    expect(shapes).to.deep.equal([
      [[3, 5], 3, 5],
      [[5], 3, 5],
    ]);
  });

  it('low-rank: (scale / rank) h A B', () => {
    const down = matrix([1], [0], [1]); // h A = [4], [1]
    const up = matrix([0.5, -1]);
    const output = (config: Parameters<typeof computations.create>[0]) =>
      numbers(run(computations.create(config), {down, up}));
    expect(output({kind: 'low-rank', rank: 1})).to.deep.equal([2, -4, 0.5, -1]);
    expect(output({kind: 'low-rank', rank: 1, scale: 3})).to.deep.equal([6, -12, 1.5, -3]);
    expect(output({kind: 'low-rank', rank: 2, scale: 3})).to.deep.equal([3, -6, 0.75, -1.5]);
  });

  it('low-rank: added to a dense base it is the base with kernel W + (scale / rank) A B', () => {
    const module = computations.create({kind: 'low-rank', rank: 2, scale: 3});
    const [down, up, kernel] = [
      matrix([1, 2], [0, -1], [3, 1]),
      matrix([1, 0], [2, 1]),
      matrix([1, 1], [2, 0], [0, 5]),
    ];
    const merged = tf.add(kernel, tf.mul(1.5, tf.matMul(down, up)));
    const added = tf.add(tf.matMul(h(), kernel), run(module, {down, up}));
    expectClose(numbers(added), numbers(tf.matMul<tf.Tensor2D>(h(), merged as tf.Tensor2D)));
  });

  it('low-rank: starts as A uniform within 1 / sqrt(inputs), B zero', () => {
    const {down, up} = lowRank
      .create({rank: 4, scale: null, down: 'learned'})
      .parameters({inputs: 100, units: 1, beside: null});
    const values = down!.initializer.fill(down!.shape, down!, seedStream(0)).data;
    expect(Math.max(...values)).to.be.within(0.09, 0.1);
    expect([...up!.initializer.fill(up!.shape, up!, seedStream(0)).data]).to.deep.equal(zero);
  });

  it('low-rank: a fixed A is a buffer that no step changes; a learned one is none', () => {
    const [learned, fixed] = (['learned', 'fixed'] as const).map((down) =>
      lowRank.create({rank: 1, scale: null, down}),
    );
    expect(learned!.parameters(site)['down']).not.to.have.property('buffer');
    expect(fixed!.parameters(site)).to.have.nested.property('down.buffer', true);
    expect(fixed!.parameters(site)['up']).not.to.have.property('buffer');
    expect(learned!.next).to.equal(undefined);
    const down = matrix([1], [0], [1]);
    expect(fixed!.next!(callOf({down, up: matrix([0.5, -1])}))).to.deep.equal({down});
  });

  it('say where the taxonomy places them', () => {
    expect(lowRank.create({rank: 1, scale: null, down: 'learned'}).composition).to.equal('parameter');
    expect(dense.create({units: null, bias: true, initializer: {kind: 'zeros'}}).composition).to.equal('function');
  });
});
