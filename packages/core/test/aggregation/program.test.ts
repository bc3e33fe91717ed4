import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {aggregators, computations, evaluation} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';
import {fresh, moved, partsAt, siteWith, tensors, wave} from '../support/sites.ts';

const place = {inputs: 2, units: 2, beside: computations.validate({kind: 'dense'})};
const expert = {kind: 'dense', bias: false};

/** Runs an aggregator on [1, 2] beside the identity. */
function run(config: object, kernels: readonly tf.Tensor[], alpha: tf.Tensor | null = null): number[] {
  const h = matrix([1, 2]);
  const owners = {
    base: {kernel: matrix([1, 0], [0, 1]), bias: tf.zeros([2])},
    ...Object.fromEntries(kernels.map((kernel, j) => [`module:${j}`, {kernel}])),
  };
  const site = siteWith(
    place,
    kernels.map(() => expert),
    {aggregation: config},
  );
  const parts = partsAt(site, owners, h);
  return numbers(
    aggregators.parse(config).run({h, ...parts, alpha, parameters: {}, context: evaluation, name: 'aggregator'}),
  );
}

describe('program, worked by hand', () => {
  useCpuBackend();
  const double = () => matrix([2, 0], [0, 2]);
  const swap = () => matrix([0, 1], [1, 0]);
  const shear = () => matrix([1, 1], [0, 1]);
  const tree = (join: string) => ({
    kind: 'program',
    activation: 'linear',
    steps: [{module: 0}, {module: 1}, {module: 2, reads: [0, 1], join}],
  });

  it('a tree: two leaves read the base, the root what they join to', () => {
    // leaves [2, 4] and [2, 1]; the root adds its first feature to the second
    const all = () => [double(), swap(), shear()];
    expectClose(run(tree('sum'), all()), [4, 4 + 5]);
    expectClose(run(tree('mean'), all()), [2, 2 + 2.5]);
    expectClose(run(tree('product'), all()), [4, 4 + 4]);
    expectClose(run(tree('max'), all()), [2, 2 + 4]);
  });

  it('a step that is scored 0 hands on what it reads', () => {
    // leaf 0 is passed by: [1, 2]; leaf 1 half: [1.5, 1.5]
    expectClose(run(tree('sum'), [double(), swap(), shear()], tf.tensor1d([0, 0.5, 1])), [2.5, 2.5 + 3.5]);
  });

  it('runs as far as modules have come', () => {
    expectClose(run(tree('mean'), [double(), swap()]), [2, 2.5]); // no root: the join
    expectClose(run(tree('mean'), [double()]), [2, 4]); // one leaf: it alone
    expectClose(run({...tree('sum'), steps: [{module: 1}]}, [double()]), [1, 2]); // nothing left: the base
    expectClose(run({...tree('sum'), steps: [{module: 0}]}, [swap(), double()]), [2, 1]); // not named: takes no part
  });

  it('refuses steps that read what does not come before them, and modules that do not come after the base', () => {
    const refusal = (steps: readonly object[], module: object, site = place) =>
      aggregators.parse({kind: 'program', steps}).refusal(site, computations.parse(module));
    expect(refusal([{module: 0}, {reads: [1]}], expert)).to.contain('step 1 reads [1]');
    expect(refusal([{module: 0}], {kind: 'low-rank'})).to.contain('not parameter composition');
    expect(refusal([{module: 0}], expert, {...place, inputs: 3})).to.contain('got 3 in and 2 out');
    expect(refusal([{module: 0}], expert)).to.equal(null);
    expect(refusal([{module: 0}], {kind: 'adapter'})).to.equal(null);
  });

  it('law: a chain of layers is a sequence, a chain of adapters a stack', () => {
    const chain = (count: number) =>
      Array.from({length: count}, (_, s) => ({module: s, reads: s === 0 ? [] : [s - 1]}));
    const shapes = fc.record({
      units: fc.integer({min: 1, max: 5}),
      count: fc.integer({min: 1, max: 3}),
      scored: fc.boolean(),
    });
    for (const [module, other] of [
      [{kind: 'dense'}, {kind: 'sequence', activation: 'tanh'}],
      [{kind: 'adapter', bottleneck: 2, activation: 'tanh'}, {kind: 'stack'}],
    ] as const) {
      fc.assert(
        fc.property(shapes, ({units, count, scored}) => {
          tf.tidy(() => {
            const here = {...place, inputs: units, units};
            const modules = Array.from({length: count}, () => module);
            const owners = Object.fromEntries([
              ['base', tensors(moved(fresh(place.beside, {...here, beside: null})))],
              ...modules.map((config, j) => [`module:${j}`, tensors(moved(fresh(config, here)))]),
            ]);
            const alpha = scored ? tf.abs(wave([count])) : null;
            const [ours, theirs] = [{kind: 'program', activation: 'tanh', steps: chain(count)}, other].map((config) => {
              const h = wave([2, units]);
              const parts = partsAt(siteWith(here, modules, {aggregation: config}), owners, h);
              const call = {h, ...parts, alpha, parameters: {}, context: evaluation, name: 'aggregator'};
              return numbers(aggregators.parse(config).run(call));
            });
            expect(ours).to.deep.equal(theirs);
          });
        }),
        {numRuns: 15},
      );
    }
  });
});
