import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {aggregators, computations, evaluation, growModules, routers} from '../../src/index.ts';
import {refusalOf} from '../../src/network/refusal.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';
import {network} from '../support/networks.ts';
import {partsAt, siteWith} from '../support/sites.ts';
import {thrown} from '../support/thrown.ts';

const place = {inputs: 2, units: 2, beside: computations.validate({kind: 'dense'})};
const lora = computations.validate({kind: 'low-rank', rank: 1});

/** Two low-rank modules beside a base that is 0, on [1, 2] and [-1, 0.5]. */
function run(config: object, given: {alpha: tf.Tensor | null; heads?: tf.Tensor}): number[] {
  const owners = {
    base: {kernel: tf.zeros([2, 2]), bias: tf.zeros([2])},
    'module:0': {down: matrix([1], [10]), up: matrix([1, 3])},
    'module:1': {down: matrix([2], [100]), up: matrix([5, 7])},
  };
  const h = matrix([1, 2], [-1, 0.5]);
  const parts = partsAt(siteWith(place, [lora, lora], {aggregation: config}), owners, h);
  const call = {h, ...parts, ...given, parameters: {}, context: evaluation, name: 'aggregator'};
  return numbers(aggregators.parse(config).run(call));
}

describe('heads, worked by hand', () => {
  useCpuBackend();
  const heads = () => matrix([1, 0], [0.5, 0.5]); // the first group takes module 0, the second half of each
  const scores = () => ({alpha: tf.tensor1d([0.75, 0.25]), heads: heads()});

  it('parameter-average: A is cut along what comes in, B along what goes out', () => {
    // A = [1; (10 + 100) / 2], B = [1, (3 + 7) / 2]: h A = 1 + 110, -1 + 27.5
    expectClose(run({kind: 'parameter-average'}, scores()), [111, 555, 26.5, 132.5]);
  });

  it('parameter-average of weights, sum and mixture: features that go out are weighed by group', () => {
    // module 0 adds 21 [1, 3], 4 [1, 3]; module 1 adds 202 [5, 7], 48 [5, 7]
    const expected = [21, (21 * 3 + 202 * 7) / 2, 4, (4 * 3 + 48 * 7) / 2];
    for (const config of [{kind: 'parameter-average', average: 'weights'}, {kind: 'sum'}, {kind: 'mixture'}]) {
      expectClose(run(config, scores()), expected);
    }
  });

  it('groups are neighbours: with four features and two heads, the first two are the first head’s', () => {
    const wide = {inputs: 4, units: 4, beside: computations.validate({kind: 'dense'})};
    const ones = matrix([1, 1, 1, 1]);
    const given = {alpha: tf.tensor1d([0.5, 0.5]), heads: matrix([1, 0], [0, 1])};
    const ran = (config: object, owned: readonly Readonly<Record<string, tf.Tensor>>[], module: object) => {
      const owners = {
        base: {kernel: tf.zeros([4, 4]), bias: tf.zeros([4])},
        ...Object.fromEntries(owned.map((phi, j) => [`module:${j}`, phi])),
      };
      const parts = partsAt(siteWith(wide, [module, module], {aggregation: config}), owners, ones);
      return numbers(
        aggregators.parse(config).run({h: ones, ...parts, ...given, parameters: {}, context: evaluation, name: 'a'}),
      );
    };
    const experts = [1, 5].map((x) => ({kernel: tf.fill([4, 4], x / 4)})); // put out 1 and 5 everywhere
    for (const kind of ['sum', 'mixture']) {
      expectClose(ran({kind}, experts, {kind: 'dense', bias: false}), [1, 1, 5, 5]);
    }
    const loras = [1, 10].map((x) => ({
      down: matrix([x], [2 * x], [3 * x], [4 * x]),
      up: matrix([x, 2 * x, 3 * x, 4 * x]),
    }));
    const read = 1 + 2 + 30 + 40;
    expectClose(ran({kind: 'parameter-average'}, loras, lora), [read, 2 * read, 30 * read, 40 * read]);
    expectClose(ran({kind: 'parameter-average', average: 'weights'}, loras, lora), [10, 20, 3000, 4000]);
  });

  it('by example: each row has heads of its own', () => {
    const both = tf.stack([heads(), matrix([0, 1], [0, 1])]); // [batch, heads, modules]
    const alpha = tf.mean(both, 1);
    expectClose(run({kind: 'parameter-average'}, {alpha, heads: both}), [111, 555, 48 * 5, 48 * 7]);
    const second = [48 * 5, 48 * 7];
    expectClose(run({kind: 'sum'}, {alpha, heads: both}), [21, (21 * 3 + 202 * 7) / 2, ...second]);
    expectClose(run({kind: 'parameter-average', average: 'weights'}, {alpha, heads: both}), [
      21,
      (21 * 3 + 202 * 7) / 2,
      ...second,
    ]);
  });

  it('law: heads that agree are one head', () => {
    const alpha = () => tf.tensor1d([0.3, 0.7]);
    for (const average of ['module', 'weights']) {
      const config = {kind: 'parameter-average', average};
      expectClose(run(config, {alpha: alpha(), heads: matrix([0.3, 0.7], [0.3, 0.7])}), run(config, {alpha: alpha()}));
    }
  });

  it('are refused by what cannot tell features apart, and where features cannot be shared out', () => {
    const refusal = (aggregation: object, computation: object, count = 2, site = place) =>
      refusalOf(
        {
          computation: computations.validate(computation),
          routing: routers.validate({kind: 'polytropon', heads: count}),
          aggregation: aggregators.validate(aggregation),
        },
        site,
      );
    const average = {kind: 'parameter-average'};
    expect(refusal(average, lora)).to.equal(null);
    expect(refusal(average, lora, 3)).to.contain('3 heads cannot share 2 places of "down"');
    expect(refusal({kind: 'mixture'}, {kind: 'dense'}, 3)).to.contain('3 heads cannot share 2 units');
    expect(refusal(average, {kind: 'adapter'})).to.contain('no parameters that heads could share out');
    expect(refusal({kind: 'stack'}, {kind: 'adapter'})).to.contain('one score for all features');
    expect(refusal({kind: 'stack'}, {kind: 'adapter'}, 1)).to.equal(null);
    const routed = network({routing: {kind: 'polytropon', heads: 2}, aggregation: {kind: 'attention-fusion'}});
    expect(thrown(() => growModules(routed, {computation: lora, task: 0}, seedStream(1))).code).to.equal(
      'E_COMBINATION',
    );
  });
});
