import {valueAndGradients} from '@accrete/engine';
import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {computations, evaluation, growGates, growModules, pathOf, routers} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';
import {network} from '../support/networks.ts';
import {call, ln, scores, sigmoid, training} from './calls.ts';

describe('attention, worked by hand', () => {
  useCpuBackend();
  const shared = () => ({query: matrix([1, 0, 0, 0], [0, 1, 0, 0])}); // q = [h, 0, 0]
  const gates = () => [[{key: matrix([ln(9)], [0], [5], [0])}, {key: matrix([0], [ln(4)], [0], [7])}]];

  it('dot: softmax of q . k / sqrt(width)', () => {
    const router = routers.create({kind: 'attention', width: 4});
    // rows [1, 2] and [0, 1]: scores [ln 9, 2 ln 4] / 2 = [ln 3, ln 4], [0, ln 2]
    expectClose(numbers(router.route(call({shared: shared(), gates: gates()})).alpha!), [3 / 7, 4 / 7, 1 / 3, 2 / 3]);
  });

  it('cosine: blind to the length of queries and keys', () => {
    const router = routers.create({kind: 'attention', width: 4, similarity: 'cosine', temperature: 0.5});
    const longer = {...call({shared: shared(), gates: gates()}), h: matrix([10, 20], [0, 0.1])};
    const alpha = numbers(router.route(call({shared: shared(), gates: gates()})).alpha!);
    expectClose(numbers(router.route(longer).alpha!), alpha);
    const cosines = [1 / Math.sqrt(5), 2 / Math.sqrt(5)];
    const [a, b] = [(cosines[0]! * ln(9)) / Math.hypot(ln(9), 5), (cosines[1]! * ln(4)) / Math.hypot(ln(4), 7)];
    expectClose([alpha[0]!], [sigmoid((a - b) / 0.5)]);
  });
});

describe('polytropon, worked by hand', () => {
  useCpuBackend();
  const router = routers.create({kind: 'polytropon', temperature: 2});

  it('evaluation: sigmoids of the logits, normalised', () => {
    // sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4
    expectClose(numbers(router.route(call({gates: scores(0, ln(3))})).alpha!), [0.4, 0.6]);
  });

  it('training: relaxed bits, normalised', () => {
    // (0 + logit 0.9) / 2 = ln 3, (ln 3 + logit 0.75) / 2 = ln 3
    const context = training({'router/logistic': [0.9, 0.75]});
    expectClose(numbers(router.route(call({gates: scores(0, ln(3)), context})).alpha!), [0.5, 0.5], {absolute: 1e-4});
  });

  it('starts with all modules shared nearly alike', () => {
    const {score} = router.gate!({inputs: 1, units: 1, beside: null});
    const values = score!.initializer.fill([1000], score!, seedStream(1)).data;
    expect(Math.max(...values)).to.be.within(9e-4, 1e-3);
    expect(Math.min(...values)).to.be.within(-1e-3, -9e-4);
  });

  it('with heads: each has bits of its own; the prior is the sum of theirs', () => {
    const router = routers.create({kind: 'polytropon', heads: 2, prior: 1});
    const gates = [[{score: tf.tensor1d([ln(3), 0])}, {score: tf.tensor1d([0, ln(3)])}]];
    const {alpha, heads, auxiliary} = router.route(call({gates}));
    // bits [3/4, 1/2] and [1/2, 3/4]
    expect(heads!.shape).to.deep.equal([2, 2]);
    expectClose(numbers(heads!), [0.6, 0.4, 0.4, 0.6]);
    expectClose(numbers(alpha!), [0.5, 0.5]);
    const parts = [0, 1].map((h) => {
      const alone = routers.create({kind: 'polytropon', prior: 1});
      const own = [gates[0]!.map(({score}) => ({score: tf.slice(score, [h], [1])}))];
      return numbers(alone.route(call({gates: own})).auxiliary!['prior']!)[0]!;
    });
    expectClose(numbers(auxiliary!['prior']!), [parts[0]! + parts[1]!]);
  });

  describe('the Indian buffet prior', () => {
    const prior = (...rows: number[][]) => {
      const router = routers.create({kind: 'polytropon', prior: 2});
      const gates = rows.map((row) => scores(...row)[0]!);
      const membership = rows.map((row) => row.map(() => true));
      const context = {...evaluation, tasks: tf.zeros([2], 'int32')};
      return router.route(call({gates, membership, context})).auxiliary!['prior']!;
    };

    it('worked by hand: -ln of (N - m)! (m - 1)! for every module used, less ln K_h! for equal columns', () => {
      // N = 3; columns [1, 1, 0], [1, 1, 0], [0, 0, 1], none: ln of 1! 1! twice and 2! 0!, less ln 2!
      const loss = prior([1, 2, -1, -1], [3, 1, -1, -2], [-1, -1, 5, -1]);
      expectClose(numbers(loss), [0], {absolute: 1e-4});
      // N = 4, one column of four: 0! 3!; one of one: 3! 0!
      expectClose(numbers(prior([1, 1], [1, -1], [1, -1], [1, -1])), [-4 * ln(6)], {absolute: 1e-4});
      expectClose(numbers(prior([-1, -1], [-1, -1])), [0]);
    });

    it('its gradient is the digamma difference, passed through to sigmoid z', () => {
      const [gradient] = valueAndGradients(
        (score) => {
          const rows = [[{score: score!}], [{score: tf.tensor1d([1])}], [{score: tf.tensor1d([-1])}]];
          const membership = rows.map(() => [true]);
          const context = {...evaluation, tasks: tf.zeros([2], 'int32')};
          const router = routers.create({kind: 'polytropon', prior: 1});
          return router.route(call({gates: rows, membership, context})).auxiliary!['prior']! as tf.Scalar;
        },
        [tf.tensor1d([0.3])],
      ).grads;
      // N = 3, m = 2: d/dm [ln Gamma(N - m + 1) + ln Gamma(m)] = psi(2) - psi(2) = 0; with a third task on, m = 3: psi(3) - psi(1)
      expectClose(numbers(gradient!), [0], {absolute: 1e-5});
      const [other] = valueAndGradients(
        (score) => {
          const rows = [[{score: score!}], [{score: tf.tensor1d([1])}], [{score: tf.tensor1d([1])}]];
          const membership = rows.map(() => [true]);
          const context = {...evaluation, tasks: tf.zeros([2], 'int32')};
          const router = routers.create({kind: 'polytropon', prior: 1});
          return router.route(call({gates: rows, membership, context})).auxiliary!['prior']! as tf.Scalar;
        },
        [tf.tensor1d([0.3])],
      ).grads;
      const slope = sigmoid(0.3) * (1 - sigmoid(0.3));
      expectClose(numbers(other!), [-(1.5 * slope)], {absolute: 1e-4}); // psi(3) - psi(1) = 1 + 1/2
    });
  });
});

describe('cross-stitch, worked by hand', () => {
  useCpuBackend();
  it('mixes evenly at the start, and by any real numbers after', () => {
    const router = routers.create({kind: 'cross-stitch'});
    expectClose(numbers(router.route(call({gates: scores(0, 0)})).alpha!), [0.5, 0.5]);
    expectClose(numbers(router.route(call({gates: scores(1, -2)})).alpha!), [1.5, -1.5]);
  });

  it('may start with most of the weight on the module of the task', () => {
    const router = routers.create({kind: 'cross-stitch', own: 0.9});
    const table = (serves: readonly boolean[], own: readonly boolean[]) => {
      const gates = scores(0, 0, 0.5);
      return numbers(router.route(call({gates, membership: [serves], own: [own]})).alpha!);
    };
    expectClose(table([true, true, true], [false, true, false]), [0.05, 0.9, 0.05 + 0.5]);
    expectClose(table([true, true, true], [true, true, false]), [0.45, 0.45, 0.1 + 0.5]); // two are its own
    expectClose(table([true, true, false], [true, false, false]), [0.9, 0.1, 0]); // one takes no part
    expectClose(table([true, true, true], [false, false, false]), [1 / 3, 1 / 3, 1 / 3 + 0.5]); // none is its own
    expectClose(table([true, false, false], [true, false, false]), [1, 0, 0]);
  });

  it('finds the own modules on a path: those that a task brought, or its share of those from the start', () => {
    const routing = {kind: 'cross-stitch', own: 0.9};
    const dense = computations.validate({kind: 'dense'});
    const seeds = seedStream(1);
    const brought = [0, 1].reduce(
      (given, task) => growModules(given, {computation: dense, task}, seeds).network,
      network({routing}),
    );
    const gated = growGates(brought, [0, 1], seeds).network;
    expect(pathOf(gated.topology, [0, 1], []).spec.sites[0]!.own).to.deep.equal([
      [true, false],
      [false, true],
    ]);
    const given = network({routing, inventory: {module: {kind: 'dense'}, count: 2}});
    const there = growGates(given, [0, 1, 2], seeds).network;
    expect(pathOf(there.topology, [0, 1, 2], []).spec.sites[0]!.own).to.deep.equal([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(pathOf(network().topology, [0], []).spec.sites[0]!.own).to.equal(null);
  });

  it('counts only the modules that serve the task', () => {
    const router = routers.create({kind: 'cross-stitch'});
    const context = {...evaluation, tasks: tf.tensor1d([0, 1], 'int32')};
    const gates = [scores(0.25, 7)[0]!, scores(0, 1)[0]!];
    const membership = [
      [true, false],
      [true, true],
    ];
    expectClose(numbers(router.route(call({gates, membership, context})).alpha!), [1.25, 0, 0.5, 1.5]);
  });
});

describe('reconstruction, worked by hand', () => {
  useCpuBackend();
  const router = routers.create({kind: 'reconstruction', width: 1, temperature: 0.5, weight: 2});
  // Module 0 keeps the first feature, module 1 the second.
  const gates = () => [
    [
      {encoder: matrix([1], [0]), code: tf.zeros([1]), decoder: matrix([1, 0]), output: tf.zeros([2])},
      {encoder: matrix([0], [1]), code: tf.zeros([1]), decoder: matrix([0, 1]), output: tf.zeros([2])},
    ],
  ];
  const softmax = (a: number, b: number): number[] => [sigmoid(a - b), sigmoid(b - a)];

  it('weighs modules by how well they reconstruct, and trains each by its share', () => {
    // Row [1, 2]: errors [4/2, 1/2]; row [0, 1]: [1/2, 0]
    const {alpha, auxiliary} = router.route(call({gates: gates()}));
    const [one, two] = [softmax(-4, -1), softmax(-1, 0)];
    expectClose(numbers(alpha!), [...one, ...two]);
    const taken = (one[0]! * 2 + one[1]! * 0.5 + two[0]! * 0.5) / 2;
    expectClose(numbers(auxiliary!['reconstruction']!), [2 * taken]);
  });

  it('law: no gradient passes between it and the rest, and each autoencoder learns by its share alone', () => {
    const [first, second] = gates()[0]!;
    const gradientsOf = (pick: (route: ReturnType<typeof router.route>) => tf.Tensor) =>
      valueAndGradients(
        (h, decoder) =>
          pick(router.route(call({h: h!, gates: [[{...first!, decoder: decoder!}, second!]]}))) as tf.Scalar,
        [matrix([1, 2]), matrix([1, 0])],
      ).grads.map(numbers);
    expect(gradientsOf(({alpha}) => tf.sum(tf.mul(alpha!, [1, -2])))).to.deep.equal([
      [0, 0],
      [0, 0],
    ]);
    const [h, decoder] = gradientsOf(({auxiliary}) => auxiliary!['reconstruction']!);
    expect(h).to.deep.equal([0, 0]);
    // d/dD of alpha_0 weight mean (c D - h)^2 = alpha_0 2 c (c D - h), c = 1
    const share = softmax(-4, -1)[0]!;
    expectClose(decoder!, [0, share * 2 * -2]);
  });
});
