import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {optimizers} from '../../src/index.ts';
import {useCpuBackend} from '../support/cpu-backend.ts';
import {take} from '../support/steps.ts';
import {thrown} from '../support/thrown.ts';

/** Three gradients in a row; with decay they are functions of the parameter, so both are given. */
const gradients = [0.5, -1, 0.25];
const start = 2;

/** One scalar step after PyTorch's documentation, in doubles. */
type Step = (p: number, g: number, t: number) => number;

function trace(step: Step): number[] {
  const path: number[] = [];
  let p = start;
  gradients.forEach((g, i) => {
    p = step(p, g, i + 1);
    path.push(p);
  });
  return path;
}

function sgd(rate: number, {momentum = 0, nesterov = false, weightDecay = 0}): Step {
  let b = 0;
  return (p, gradient, t) => {
    const g = gradient + weightDecay * p;
    b = t === 1 ? g : momentum * b + g;
    return p - rate * (nesterov ? g + momentum * b : momentum > 0 ? b : g);
  };
}

function adam(rate: number, beta1: number, beta2: number, {weightDecay = 0, decoupled = false, epsilon = 1e-8}): Step {
  let [m, v] = [0, 0];
  return (p, gradient, t) => {
    const g = decoupled ? gradient : gradient + weightDecay * p;
    const kept = decoupled ? p - rate * weightDecay * p : p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    return kept - (rate * (m / (1 - beta1 ** t))) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
  };
}

function rmsprop(rate: number, decay: number, {momentum = 0, weightDecay = 0, epsilon = 1e-8}): Step {
  let [v, b] = [0, 0];
  return (p, gradient) => {
    const g = gradient + weightDecay * p;
    v = decay * v + (1 - decay) * g * g;
    b = momentum * b + g / (Math.sqrt(v) + epsilon);
    return p - rate * b;
  };
}

const cases: readonly (readonly [Parameters<typeof optimizers.create>[0], Step])[] = [
  [{kind: 'sgd', learningRate: 0.1}, sgd(0.1, {})],
  [{kind: 'sgd', learningRate: 0.1, weightDecay: 0.3}, sgd(0.1, {weightDecay: 0.3})],
  [{kind: 'sgd', learningRate: 0.1, momentum: 0.9}, sgd(0.1, {momentum: 0.9})],
  [
    {kind: 'sgd', learningRate: 0.1, momentum: 0.5, nesterov: true, weightDecay: 0.1},
    sgd(0.1, {momentum: 0.5, nesterov: true, weightDecay: 0.1}),
  ],
  [{kind: 'adam'}, adam(1e-3, 0.9, 0.999, {})],
  [
    {kind: 'adam', learningRate: 0.1, beta1: 0.5, beta2: 0.8, epsilon: 0.1, weightDecay: 0.2},
    adam(0.1, 0.5, 0.8, {weightDecay: 0.2, epsilon: 0.1}),
  ],
  [{kind: 'adamw'}, adam(1e-3, 0.9, 0.999, {weightDecay: 0.01, decoupled: true})],
  [
    {kind: 'adamw', learningRate: 0.1, beta1: 0.5, beta2: 0.8, weightDecay: 0.2},
    adam(0.1, 0.5, 0.8, {weightDecay: 0.2, decoupled: true}),
  ],
  [{kind: 'rmsprop'}, rmsprop(0.01, 0.99, {})],
  [
    {kind: 'rmsprop', learningRate: 0.1, decay: 0.5, momentum: 0.9, weightDecay: 0.1, epsilon: 0.2},
    rmsprop(0.1, 0.5, {momentum: 0.9, weightDecay: 0.1, epsilon: 0.2}),
  ],
];

describe('optimisers, three steps after the formulas of PyTorch', () => {
  useCpuBackend();

  for (const [config, step] of cases) {
    it(JSON.stringify(config), () => {
      const optimizer = optimizers.create(config);
      let network = {parameters: {p: [start]}, state: {}};
      const path = gradients.map((g) => {
        network = take(optimizer, network, {p: [g]});
        return network.parameters.p[0]!;
      });
      // Distances moved are compared, as the parameter itself would hide them.
      const moved = (values: readonly number[]) => values.map((value) => value - start);
      expectClose(moved(path), moved(trace(step)), {absolute: 1e-6, relative: 1e-4});
    });
  }

  it('numbers known by heart: a first step of Adam is the rate, momentum 0.9 doubles up', () => {
    const adamOnce = take(optimizers.create({kind: 'adam'}), {parameters: {p: [0, 0]}, state: {}}, {p: [1e-3, -50]});
    expectClose(adamOnce.parameters.p, [-0.001, 0.001], {absolute: 0, relative: 1e-4});
    const sgdMomentum = optimizers.create({kind: 'sgd', learningRate: 1, momentum: 0.9});
    const once = take(sgdMomentum, {parameters: {p: [0]}, state: {}}, {p: [1]});
    expectClose(take(sgdMomentum, once, {p: [1]}).parameters.p, [-2.9]);
  });

  it('have the defaults of PyTorch, and ask for the rate of SGD', () => {
    expect(optimizers.validate({kind: 'adam'})).to.include({
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
    });
    expect(optimizers.validate({kind: 'adamw'})).to.include({learningRate: 1e-3, weightDecay: 0.01});
    expect(optimizers.validate({kind: 'rmsprop'})).to.include({learningRate: 0.01, decay: 0.99, epsilon: 1e-8});
    expect(thrown(() => optimizers.parse({kind: 'sgd'})).message).to.match(/E_CONFIG[\s\S]*learningRate/);
  });

  it('refuse nesterov without momentum, as PyTorch does', () => {
    const error = thrown(() => optimizers.create({kind: 'sgd', learningRate: 1, nesterov: true}));
    expect(error.message).to.match(/E_COMBINATION: .*nesterov needs a momentum above 0/);
  });
});
