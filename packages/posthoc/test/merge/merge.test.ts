import {type Network, withParameters} from '@accrete/core';
import {bitEqual, contentHash, hostArray, seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  accuracyOf,
  alignUnits,
  fineTune,
  logitsOf,
  type MergeInputs,
  mergeNetworks,
  mergers,
  type TaskData,
} from '../../src/index.ts';
import {familyOf} from '../../src/merge/array-family.ts';
import {sizeLimits} from '../../src/merge/size-limit.ts';
import {useEngine} from '../support/engine.ts';
import {refusalOf} from '../support/refusal.ts';
import {freshNetwork, pictures, taskOf, withNumbers} from '../support/subjects.ts';

type Kind = (typeof mergers.kinds)[number];

const kernel = 'layer0/base/kernel';
const zero = withNumbers(
  freshNetwork(2, [2], 1, 2, {initializer: {kind: 'zeros'}}),
  kernel,
  ...new Array<number>(8).fill(0),
);
const moved = (...values: number[]): Network => withNumbers(zero, kernel, ...values);
const numbers = (network: Network, path = kernel): number[] => [...network.parameters[path]!.data];

/** Small configs; those whose result is the base at a weight of 0 say how. */
const configs: Readonly<Record<Kind, {readonly config: object; readonly atZero?: object}>> = {
  average: {config: {kind: 'average'}},
  'task-arithmetic': {config: {kind: 'task-arithmetic', scale: 1}, atZero: {kind: 'task-arithmetic', scale: 0}},
  ties: {config: {kind: 'ties', density: 1}, atZero: {kind: 'ties', scale: 0}},
  dare: {
    config: {kind: 'dare', drop: 0, mergeBy: {kind: 'task-arithmetic', scale: 1}},
    atZero: {kind: 'dare', mergeBy: {kind: 'ties', scale: 0}},
  },
  'fisher-merge': {config: {kind: 'fisher-merge', examples: 16}},
  regmean: {config: {kind: 'regmean', examples: 32}},
  're-basin': {config: {kind: 're-basin'}},
  lorahub: {config: {kind: 'lorahub', evaluations: 4, rank: 2}, atZero: {kind: 'lorahub', evaluations: 1}},
};

describe('mergers', () => {
  const engine = useEngine();
  const compute = (seed = 1) => ({engine: engine(), seeds: seedStream(seed)});
  const merge = (config: object, inputs: MergeInputs, seed = 1) =>
    mergeNetworks(mergers.parse(config), inputs, compute(seed));
  const plain = (config: object, base: Network | null, ...networks: Network[]) =>
    merge(config, {base, networks, data: []});

  describe('by hand', () => {
    it('average', async () => {
      const merged = await plain(
        {kind: 'average'},
        null,
        moved(1, 2, 3, 4, 5, 6, 7, 8),
        moved(3, 2, 1, 0, -5, 0, 0, 9),
      );
      expect(numbers(merged)).to.deep.equal([2, 2, 2, 2, 0, 3, 3.5, 8.5]);
    });

    it('task arithmetic adds, negates and makes analogies', async () => {
      const base = moved(1, 1, 1, 1, 1, 1, 1, 1);
      const [a, b, c] = [moved(2, 1, 1, 1, 1, 1, 1, 1), moved(2, 3, 1, 1, 1, 1, 1, 1), moved(1, 1, 5, 1, 1, 1, 1, 1)];
      expect(numbers(await plain({kind: 'task-arithmetic', scale: 0.5}, base, a, b)).slice(0, 3)).to.deep.equal([
        2, 2, 1,
      ]);
      expect(
        numbers(await plain({kind: 'task-arithmetic', scale: 1, weights: [-1]}, base, b)).slice(0, 3),
      ).to.deep.equal([0, -1, 1]);
      const analogy = {kind: 'task-arithmetic', scale: 1, weights: [-1, 1, 1]};
      expect(numbers(await plain(analogy, base, a, b, c)).slice(0, 4)).to.deep.equal([1, 3, 5, 1]);
      expect((await refusalOf('E_COMBINATION', () => plain(analogy, base, a))).message).to.contain(
        '3 weights for 1 networks',
      );
    });

    it('TIES trims, elects signs and averages what agrees', async () => {
      // 16 weights each; 4 / 16 of them are kept: the four largest.
      const a = moved(4, -3, 2, 1, 0.5, 0, 0, 0);
      const b = moved(-1, -5, 3, 0.25, 0, 2, 0, 0);
      const merged = await plain({kind: 'ties', density: 4 / 16}, zero, a, b);
      // a keeps 4, -3, 2, 1; b keeps -1, -5, 3, 2. Sums: 3, -8, 5, 1, 0, 2: signs +, -, +, +, (majority +), +.
      expect(numbers(merged)).to.deep.equal([4, -4, 2.5, 1, 0, 2, 0, 0]);
      // A tie of signs goes with the majority of all signs: -1 and 1 sum to 0, most others are positive.
      const tied = await plain(
        {kind: 'ties', density: 1},
        zero,
        moved(1, 1, 1, 0, 0, 0, 0, 0),
        moved(-1, 1, 1, 0, 0, 0, 0, 0),
      );
      expect(numbers(tied).slice(0, 3)).to.deep.equal([1, 1, 1]);
    });

    it('TIES keeps exactly as many as asked for, also where sizes are equal', async () => {
      const equal = moved(1, 1, 1, 1, 1, 1, 1, 1);
      for (const kept of [1, 3, 8]) {
        const merged = await plain({kind: 'ties', density: kept / 16}, zero, equal);
        expect(numbers(merged).filter((value) => value !== 0)).to.have.length(kept);
      }
    });

    it('DARE drops and enlarges: unbiased, and whole at drop 0', async () => {
      const wide = freshNetwork(2, [64], 1, 8, {initializer: {kind: 'zeros'}});
      const ones = withParameters(wide, {[kernel]: hostArray(new Float32Array(64 * 64).fill(1), [64, 64], 'float32')});
      const merged = await plain({kind: 'dare', drop: 0.75, mergeBy: {kind: 'task-arithmetic', scale: 1}}, wide, ones);
      const values = numbers(merged);
      expect([...new Set(values)].sort()).to.deep.equal([0, 4]);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean).to.be.closeTo(1, 5 * Math.sqrt(3 / values.length)); // sd of one entry: sqrt(p / (1 - p))
    });

    it('re-basin finds a permutation of the units, which changes nothing that is computed', async () => {
      const network = freshNetwork(4, [6, 5], 3);
      const layers = [
        {kernel, bias: 'layer0/base/bias', order: [3, 1, 5, 0, 2, 4]},
        {kernel: 'layer1/base/kernel', bias: 'layer1/base/bias', order: [4, 0, 3, 1, 2]},
      ];
      let shuffled = network;
      layers.forEach(({kernel: own, bias, order}, l) => {
        const next = l === 0 ? 'layer1/base/kernel' : 'head/segment:0/kernel';
        const columns = (path: string) => {
          const {shape, data} = shuffled.parameters[path]!;
          const units = shape.at(-1)!;
          return hostArray(
            data.map((_, at) => data[Math.floor(at / units) * units + order[at % units]!]!),
            shape,
            'float32',
          );
        };
        const rows = (path: string) => {
          const {shape, data} = shuffled.parameters[path]!;
          const units = shape[1]!;
          return hostArray(
            data.map((_, at) => data[order[Math.floor(at / units)]! * units + (at % units)]!),
            shape,
            'float32',
          );
        };
        shuffled = withParameters(shuffled, {[own]: columns(own), [bias]: columns(bias), [next]: rows(next)});
      });
      const data: TaskData = {...taskOf('all', [0, 1, 2, 3], pictures(4, 5, 'test'))};
      const back = alignUnits(network, shuffled, 0, seedStream(1), 50);
      for (const path of Object.keys(network.parameters))
        expect(bitEqual(back.parameters[path]!, network.parameters[path]!), path).to.equal(true);
      const other = freshNetwork(4, [6, 5], 9);
      const aligned = alignUnits(network, other, 0, seedStream(1), 50);
      expect(contentHash(aligned.parameters)).to.not.equal(contentHash(other.parameters));
      expectClose(await logitsOf(engine(), aligned, data), await logitsOf(engine(), other, data), {absolute: 1e-5});
    });

    it("regmean answers like each network on that network's inputs", async () => {
      // Two linear readers of disjoint inputs: network 0 sees pixel 0 only, network 1 pixel 1 only.
      const build = (...weights: number[]): Network => withNumbers(zero, kernel, ...weights);
      const task = (name: string, pixel: number): TaskData => {
        const images = Uint8Array.from({length: 8}, (_, i) => (i % 4 === pixel ? 255 : 0));
        return {
          name,
          task: 0,
          classes: [0, 1],
          among: 'own',
          examples: {images, labels: Int32Array.of(0, 1), features: 4},
        };
      };
      const networks = [build(3, 1, 0, 0, 0, 0, 0, 0), build(0, 0, 5, 7, 0, 0, 0, 0)];
      const merged = await merge({kind: 'regmean'}, {base: null, networks, data: [task('a', 0), task('b', 1)]});
      expectClose(numbers(merged).slice(0, 4), [3, 1, 5, 7], {absolute: 1e-4});
      // The plain mean would halve both.
      expect(numbers(await plain({kind: 'average'}, null, ...networks)).slice(0, 4)).to.deep.equal([
        1.5, 0.5, 2.5, 3.5,
      ]);
    });
  });

  describe('laws', () => {
    const train = pictures(4, 20, 'train');
    const data = taskOf('pair', [0, 1], train);
    const [base, other] = [freshNetwork(4, [6], 1), freshNetwork(4, [6], 2)];

    for (const kind of mergers.kinds) {
      it(`${kind}: one network alone comes out as it is, the inputs are left as they were, and the seed decides all`, async () => {
        const {config} = configs[kind];
        const hashes = [base, other].map(({parameters}) => contentHash(parameters));
        const networks = kind === 'lorahub' ? [base] : [other];
        const merged = await merge(config, {base, networks, data: [data]});
        for (const path of Object.keys(networks[0]!.parameters)) {
          expectClose(merged.parameters[path]!.data, networks[0]!.parameters[path]!.data, {
            absolute: 1e-4,
            relative: 1e-4,
          });
        }
        expect(merged.topology).to.deep.equal(base.topology);
        const again = await merge(config, {base, networks, data: [data]});
        expect(contentHash(again.parameters)).to.equal(contentHash(merged.parameters));
        expect([base, other].map(({parameters}) => contentHash(parameters))).to.deep.equal(hashes);
      });

      const {atZero} = configs[kind];
      if (atZero) {
        it(`${kind}: a weight of 0 gives the base, bit for bit`, async () => {
          const merged = await merge(atZero, {base, networks: [other], data: [data]});
          expect(contentHash(merged.parameters)).to.equal(contentHash(base.parameters));
        });
      }
    }

    it('fisher-merge and average leave equal networks bit for bit', async () => {
      for (const config of [{kind: 'average'}, {kind: 'fisher-merge', examples: 8}]) {
        const merged = await merge(config, {base: null, networks: [other, other], data: [data, data]});
        expect(contentHash(merged.parameters)).to.equal(contentHash(other.parameters));
      }
    });

    it('TIES does not depend on the order of networks, and task arithmetic is linear', async () => {
      const third = freshNetwork(4, [6], 3);
      for (const config of [{kind: 'ties', density: 0.3}, {kind: 'task-arithmetic'}]) {
        const [there, back] = [await plain(config, base, other, third), await plain(config, base, third, other)];
        for (const path of Object.keys(base.parameters))
          expectClose(there.parameters[path]!.data, back.parameters[path]!.data, {absolute: 1e-6});
      }
    });

    it('the limit of sizes keeps exactly the largest, with ties', () => {
      const values = fc.array(
        fc.double({noNaN: true, min: -3, max: 3}).map((x) => Math.fround(Math.round(x * 4) / 4)),
        {minLength: 8, maxLength: 8},
      );
      fc.assert(
        fc.property(values, fc.integer({min: 1, max: 16}), (own, kept) => {
          const [found] = sizeLimits(familyOf(zero, [moved(...own)]), kept / 16);
          const {limit, ties} = found!;
          const sizes = [...own.map(Math.abs), ...new Array<number>(8).fill(0)].sort((a, b) => b - a);
          expect(limit).to.equal(sizes[kept - 1]);
          expect(ties).to.equal(kept - sizes.filter((size) => size > limit).length);
        }),
      );
    });
  });

  describe('refuse, before any arithmetic', () => {
    const base = freshNetwork(2, [3], 1, 2);
    it('a missing base, missing data, no network', async () => {
      expect((await refusalOf('E_COMBINATION', () => plain({kind: 'ties'}, null, base))).message).to.contain(
        'none is given',
      );
      expect((await refusalOf('E_COMBINATION', () => plain({kind: 'regmean'}, null, base))).message).to.contain(
        'expected 1 tasks, got 0',
      );
      expect((await refusalOf('E_COMBINATION', () => plain({kind: 'lorahub'}, base, base))).message).to.contain(
        'looks at data',
      );
      expect((await refusalOf('E_COMBINATION', () => plain({kind: 'average'}, null))).message).to.contain('got none');
    });

    it('networks of other shapes, with parameters too many or too few, all listed', async () => {
      const {[kernel]: _, ...rest} = base.parameters;
      const odd = {...base, parameters: {...rest, extra: hostArray(Float32Array.of(1), [1], 'float32')}};
      const {message} = await refusalOf('E_SHAPE', () =>
        plain({kind: 'average'}, null, base, odd, freshNetwork(2, [4], 1, 2)),
      );
      expect(message)
        .to.contain('network 1: layer0/base/kernel is missing')
        .and.to.contain('network 1: extra is extra');
      expect(message).to.contain('network 2: layer0/base/kernel is [4, 4], expected [4, 3]');
    });

    it('weights that are no numbers', async () => {
      const wild = withNumbers(base, 'layer0/base/bias', 0, Number.NaN, 0);
      expect((await refusalOf('E_NON_FINITE', () => plain({kind: 'average'}, null, base, wild))).message).to.contain(
        'network 1: layer0/base/bias',
      );
    });
  });

  it('lorahub finds weights that lower the loss, and starts at the base', async () => {
    const train = taskOf('pair', [0, 1], pictures(2, 30, 'train'));
    const base = freshNetwork(2, [8], 1);
    const {network: tuned} = await fineTune({
      ...compute(),
      network: base,
      data: train,
      budget: {steps: 60, batchSize: 16},
      optimizer: {kind: 'adam', learningRate: 0.01},
      paths: Object.keys(base.parameters),
    });
    const search = {kind: 'lorahub', rank: 8, evaluations: 12};
    const inputs = {base, networks: [tuned, freshNetwork(2, [8], 7)], data: [train]};
    const found = await merge(search, inputs);
    expect(await accuracyOf(engine(), found, train)).to.be.above((await accuracyOf(engine(), base, train)) + 0.2);
    const alone = {...inputs, networks: [tuned]};
    const [products, factors] = [
      await merge(search, alone),
      await merge({...search, combine: 'factors', evaluations: 1}, alone),
    ];
    expect(contentHash(factors.parameters), 'at weights of 0').to.equal(contentHash(base.parameters));
    expect(contentHash(products.parameters)).to.not.equal(contentHash(base.parameters));
  });

  it('merging helps: task arithmetic and TIES of two tuned networks beat either alone on the worse task, mean of 3 seeds', async () => {
    const gains: Record<string, number> = {'task-arithmetic': 0, ties: 0};
    for (const seed of [1, 2, 3]) {
      const [train, test] = [pictures(4, 60, 'train'), pictures(4, 40, 'test')];
      const tune = async (network: Network, classes: readonly number[], steps: number) => {
        const tuned = await fineTune({
          ...compute(seed),
          network,
          data: taskOf(classes.join(), classes, train),
          budget: {steps, batchSize: 32},
          optimizer: {kind: 'adam', learningRate: 2e-3},
          paths: Object.keys(network.parameters),
        });
        return tuned.network;
      };
      const start = await tune(freshNetwork(4, [24], seed), [0, 1, 2, 3], 15);
      const tuned = [await tune(start, [0, 1], 60), await tune(start, [2, 3], 60)];
      const worse = async (network: Network): Promise<number> => {
        const pairs = [
          [0, 1],
          [2, 3],
        ].map((pair) => accuracyOf(engine(), network, taskOf('test', pair, test)));
        return Math.min(...(await Promise.all(pairs)));
      };
      const alone = Math.max(await worse(tuned[0]!), await worse(tuned[1]!));
      for (const config of [
        {kind: 'task-arithmetic', scale: 0.7},
        {kind: 'ties', density: 0.5},
      ])
        gains[config.kind] = gains[config.kind]! + ((await worse(await plain(config, start, ...tuned))) - alone) / 3;
    }
    expect(gains['task-arithmetic']).to.be.above(0);
    expect(gains['ties']).to.be.above(0);
  });
});
