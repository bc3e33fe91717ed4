import {hostArray, seedStream, zeros} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {optimizers, type Slots, slotKey, updateSideBySide, withSlots} from '../../src/index.ts';
import {useCpuBackend} from '../support/cpu-backend.ts';
import {type Training, take} from '../support/steps.ts';

/** Configs of each kind with every slot in use; decay is off, as it moves parameters without any signal. */
const configs = {
  sgd: {kind: 'sgd', learningRate: 0.1, momentum: 0.9},
  adam: {kind: 'adam', learningRate: 0.1},
  adamw: {kind: 'adamw', learningRate: 0.1, weightDecay: 0},
  rmsprop: {kind: 'rmsprop', learningRate: 0.1, momentum: 0.9},
} as const satisfies Record<(typeof optimizers.kinds)[number], object>;

for (const kind of optimizers.kinds) {
  describe(`optimiser ${kind}`, () => {
    useCpuBackend();
    const optimizer = optimizers.parse(configs[kind]);
    const freshSlots = (...shape: number[]): Record<string, tf.Tensor> =>
      Object.fromEntries(optimizer.slots.map((slot) => [slot.name, tf.zeros(slot.shape === 'scalar' ? [] : shape)]));
    const draw = seedStream(4, kind);
    const vectors = Array.from({length: 6}, () => [draw.normal(), draw.normal()]);
    const start = {parameters: {a: [1, 2], b: [3, -4]}, state: {}};
    const after = (names: readonly ('a' | 'b')[], from: Training<'a' | 'b'>) =>
      vectors.reduce<Training<'a' | 'b'>>(
        (at, g) => take(optimizer, at, Object.fromEntries(names.map((name) => [name, g]))),
        from,
      );

    it('law: a parameter trained after another ends where it ends when trained alone, bit for bit (tfjs: by position)', () => {
      const alone = after(['b'], start);
      const late = after(['b'], after(['a'], start));
      expect(late.parameters.b).to.deep.equal(alone.parameters.b);
      expect(after(['a', 'b'], start).parameters.b).to.deep.equal(alone.parameters.b);
      expect(late.parameters.a).to.deep.equal(after(['a'], start).parameters.a);
    });

    it('law: a step without one parameter leaves it and its slots, and it goes on as if nothing had been between', () => {
      const half = after(['a', 'b'], start);
      const rested = after(['a'], half);
      expect(rested.parameters.b).to.deep.equal(half.parameters.b);
      expect(after(['b'], rested).parameters.b).to.deep.equal(after(['b'], half).parameters.b);
      for (const slot of optimizer.slots) {
        expect(rested.state[slotKey('b', slot.name)]).to.equal(half.state[slotKey('b', slot.name)]);
      }
    });

    it('law: a parameter that comes late takes the first step of one that was there from the start', () => {
      const early = take(optimizer, start, {b: [1, -2]}).parameters.b;
      const late = take(optimizer, after(['a'], start), {b: [1, -2]}).parameters.b;
      expect(late).to.deep.equal(early);
      const moved = late.map((x, i) => x - start.parameters.b[i]!);
      // Adam's first step is the rate, RMSprop's rate / sqrt(1 - decay), SGD's the rate times the gradient.
      const expected = {adam: [-0.1, 0.1], adamw: [-0.1, 0.1], rmsprop: [-1, 1], sgd: [-0.1, 0.2]}[kind];
      expectClose(moved, expected, {relative: 1e-4});
    });

    it('law: no signal, no movement: gradient 0 from the start leaves a parameter bit for bit', () => {
      let at: Training<'a'> = {parameters: {a: [1.25, -3]}, state: {}};
      for (let step = 0; step < 3; step++) at = take(optimizer, at, {a: [0, 0]});
      expect(at.parameters.a).to.deep.equal([1.25, -3]);
    });

    it('goes downhill: on (p - 1)^2 it comes near 1', () => {
      let at: Training<'a'> = {parameters: {a: [0.5]}, state: {}};
      const distances = Array.from({length: 150}, () => {
        at = take(optimizer, at, {a: [2 * (at.parameters.a[0]! - 1)]});
        return Math.abs(at.parameters.a[0]! - 1);
      });
      expect(Math.min(...distances)).to.be.lessThan(0.02);
    });

    it('law: parameters of different ages, moved side by side, become what each becomes by itself', () => {
      const widths = [1, 3, 2];
      const drawn = (width: number): tf.Tensor =>
        tf.tensor(
          Array.from({length: 4 * width}, () => draw.normal()),
          [4, width],
        );
      const aged = widths.map((width, age) => {
        let [parameter, slots]: [tf.Tensor, Slots] = [drawn(width), freshSlots(4, width)];
        for (let step = 0; step < age; step++)
          ({parameter, slots} = optimizer.update(parameter, tf.sin(tf.mul(parameter, 5 + step)), slots));
        return {parameter, gradient: tf.cos(tf.mul(parameter, 3)), slots};
      });
      updateSideBySide(optimizer, aged).forEach((joined, k) => {
        const {parameter, gradient, slots} = aged[k]!;
        const alone = optimizer.update(parameter, gradient, slots);
        expect(joined.parameter.shape).to.deep.equal(alone.parameter.shape);
        expect(joined.parameter.dataSync()).to.deep.equal(alone.parameter.dataSync());
        for (const {name} of optimizer.slots) {
          expect(joined.slots[name]!.shape, name).to.deep.equal(alone.slots[name]!.shape);
          expect(joined.slots[name]!.dataSync(), name).to.deep.equal(alone.slots[name]!.dataSync());
        }
      });
    });

    it('returns every slot that it declares, in its shape', () => {
      const state = withSlots(optimizer, {}, {p: zeros([2, 3])}, ['p']);
      const slots = Object.fromEntries(
        optimizer.slots.map(({name}) => {
          const {data, shape} = state[slotKey('p', name)]!;
          return [name, tf.tensor(data, [...shape])];
        }),
      );
      const step = optimizer.update(tf.ones([2, 3]), tf.ones([2, 3]), slots);
      expect(step.parameter.shape).to.deep.equal([2, 3]);
      expect(Object.keys(step.slots).sort()).to.deep.equal(optimizer.slots.map(({name}) => name).sort());
      for (const slot of optimizer.slots) {
        expect(step.slots[slot.name]!.shape).to.deep.equal(slot.shape === 'scalar' ? [] : [2, 3]);
      }
    });
  });
}

describe('the state of an optimiser', () => {
  const adam = optimizers.create({kind: 'adam'});
  const parameters = {'x/a': zeros([2]), 'x/b': zeros([3, 1])};

  it('gets zeroed slots for the parameters named, by path', () => {
    expect(withSlots(adam, {}, parameters, ['x/b'])).to.deep.equal({
      'x/b#steps': zeros([]),
      'x/b#first': zeros([3, 1]),
      'x/b#second': zeros([3, 1]),
    });
  });

  it('keeps what is there, for those named as for others, and is not changed itself', () => {
    const first = hostArray(Float32Array.of(5, 6), [2], 'float32');
    const state = {...withSlots(adam, {}, parameters, ['x/a']), 'x/a#first': first, 'gone#first': zeros([9])};
    const before = {...state};
    const next = withSlots(adam, state, parameters, ['x/a', 'x/b']);
    for (const [key, array] of Object.entries(before)) expect(next[key], key).to.equal(array);
    expect(Object.keys(next).filter((key) => key.startsWith('x/b#')).length).to.equal(3);
    expect(state).to.deep.equal(before);
  });

  it('starts anew where a parameter has another size than its slots', () => {
    const state = withSlots(adam, {}, {'x/a': zeros([5])}, ['x/a']);
    const next = withSlots(
      adam,
      {...state, 'x/a#first': hostArray(new Float32Array(5).fill(1), [5], 'float32')},
      parameters,
      ['x/a'],
    );
    expect(next['x/a#first']).to.deep.equal(zeros([2]));
  });
});
