import {type HostArray, seedStream, sizeOf} from '@accrete/kit';
import {checkGradient, expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {computations, dense, lowRank, type ModuleTensors, type SiteShape} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';

const site: SiteShape = {inputs: 3, units: 2};
const zero = [0, 0, 0, 0];
/** Configs of each kind that the family-wide suite goes through. */
const configs = {
  dense: [
    {kind: 'dense'},
    {kind: 'dense', units: 5, bias: false},
    {kind: 'dense', initializer: {kind: 'zeros'}},
    {kind: 'dense', initializer: {kind: 'he-normal'}},
  ],
  'low-rank': [{kind: 'low-rank', rank: 2}, {kind: 'low-rank', rank: 4, scale: 2}, {kind: 'low-rank'}],
} as const satisfies Record<(typeof computations.kinds)[number], readonly object[]>;

for (const kind of computations.kinds) {
  for (const config of configs[kind]) {
    describe(`module ${JSON.stringify(config)}`, () => {
      useCpuBackend();
      const module = computations.parse(config);
      const specs = module.parameters(site);
      const fresh = (): Record<string, HostArray> =>
        Object.fromEntries(
          Object.entries(specs).map(([name, spec]) => [
            name,
            spec.initializer.fill(spec.shape, spec, seedStream(2, name)),
          ]),
        );
      const tensors = (values: Readonly<Record<string, HostArray>>): ModuleTensors =>
        Object.fromEntries(
          Object.entries(values).map(([name, {data, shape}]) => [name, tf.tensor(data as Float32Array, [...shape])]),
        );
      const h = () =>
        tf.tensor2d(
          Array.from({length: 12}, (_, i) => Math.sin(i + 1)),
          [4, 3],
        );

      it('puts out [batch, width], for any batch', () => {
        const width = module.width(site);
        expect(module.output(h(), tensors(fresh())).shape).to.deep.equal([4, width]);
        expect(module.output(tf.zeros([1, 3]), tensors(fresh())).shape).to.deep.equal([1, width]);
        for (const [name, {data}] of Object.entries(fresh())) {
          expect(data.length, name).to.equal(sizeOf(specs[name]!.shape));
        }
      });

      it('says rightly whether a new module puts out exactly 0', () => {
        const output = numbers(module.output(h(), tensors(fresh())));
        expect(output.every((x) => x === 0)).to.equal(module.zeroAtStart);
      });

      it('treats the examples of a batch each on its own', () => {
        const parameters = tensors(moved(fresh()));
        const whole = numbers(module.output(h(), parameters));
        const rows = tf.unstack(h()).flatMap((row) => numbers(module.output(tf.reshape(row, [1, 3]), parameters)));
        expectClose(rows, whole);
      });

      it('has the gradients that central differences give, for its input and each parameter', () => {
        const start = moved(fresh());
        const loss = (input: tf.Tensor, parameters: ModuleTensors) =>
          tf.sum(tf.square(module.output(input as tf.Tensor2D, parameters)));
        checkGradient((x) => loss(x, tensors(start)), [0.3, -0.7, 1.1], [1, 3]);
        for (const [name, {data, shape}] of Object.entries(start)) {
          checkGradient((p) => loss(h(), {...tensors(start), [name]: p}), [...data], shape);
        }
      });
    });
  }
}

/** Parameters a step away from where they start, so that nothing is 0. */
function moved(parameters: Readonly<Record<string, HostArray>>): Record<string, HostArray> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, array]) => [
      name,
      {...array, data: Float32Array.from(array.data, (x, i) => x + 0.2 + 0.1 * Math.cos(i))},
    ]),
  );
}

describe('modules, worked by hand', () => {
  useCpuBackend();
  const h = () => matrix([1, 2, 3], [0, -1, 1]);

  it('dense: h W + b', () => {
    const kernel = matrix([1, 0], [0, 2], [-1, 1]);
    const module = computations.create({kind: 'dense'});
    expect(numbers(module.output(h(), {kernel, bias: tf.tensor1d([10, 20])}))).to.deep.equal([8, 27, 9, 19]);
    expect(numbers(module.output(h(), {kernel}))).to.deep.equal([-2, 7, -1, -1]);
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
      numbers(computations.create(config).output(h(), {down, up}));
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
    const added = tf.add(tf.matMul(h(), kernel), module.output(h(), {down, up}));
    expectClose(numbers(added), numbers(tf.matMul<tf.Tensor2D>(h(), merged as tf.Tensor2D)));
  });

  it('low-rank: starts as A uniform within 1 / sqrt(inputs), B zero', () => {
    const {down, up} = lowRank.create({rank: 4, scale: null}).parameters({inputs: 100, units: 1});
    const values = down!.initializer.fill(down!.shape, down!, seedStream(0)).data;
    expect(Math.max(...values)).to.be.within(0.09, 0.1);
    expect([...up!.initializer.fill(up!.shape, up!, seedStream(0)).data]).to.deep.equal(zero);
  });

  it('say where the taxonomy places them', () => {
    expect(lowRank.create({rank: 1, scale: null}).composition).to.equal('parameter');
    expect(dense.create({units: null, bias: true, initializer: {kind: 'zeros'}}).composition).to.equal('function');
  });
});
