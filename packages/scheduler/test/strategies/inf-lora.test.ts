import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import fc from 'fast-check';
import type {RunConfigInput} from '../../src/index.ts';
import {leadingOutside, secondMoments, widened} from '../../src/strategies/input-subspace.ts';
import {symmetricEigen} from '../../src/strategies/symmetric-eigen.ts';
import {refusalOf} from '../support/refusal.ts';
import {runTiny, useEngine} from '../support/tiny-run.ts';

const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);

describe('eigenvectors of a symmetric matrix', () => {
  it('are those of a matrix worked by hand', () => {
    // [[2, 1], [1, 2]]: 3 along (1, 1), 1 along (1, -1).
    const {values, vectors} = symmetricEigen([2, 1, 1, 2], 2);
    expectClose(values, [3, 1]);
    expectClose([Math.abs(dot(vectors[0]!, [Math.SQRT1_2, Math.SQRT1_2]))], [1]);
  });

  it('law: A v = lambda v, vectors orthonormal, values descending; of any rank', () => {
    const sides = fc.integer({min: 1, max: 12});
    fc.assert(
      fc.property(sides, fc.integer({min: 1, max: 12}), fc.integer(), (n, rank, seed) => {
        let state = seed >>> 0;
        const draw = () => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return state / 2 ** 31 - 1;
        };
        const factor = Array.from({length: rank}, () => Array.from({length: n}, draw));
        const matrix = Float64Array.from({length: n * n}, (_, at) =>
          factor.reduce((sum, line) => sum + line[Math.floor(at / n)]! * line[at % n]!, 0),
        );
        const {values, vectors} = symmetricEigen(matrix, n);
        vectors.forEach((v, k) => {
          const moved = Array.from({length: n}, (_, i) => dot(matrix.subarray(i * n, (i + 1) * n), v));
          moved.forEach((value, i) => {
            expect(value).to.be.closeTo(values[k]! * v[i]!, 1e-9);
          });
          vectors.forEach((other, j) => {
            expect(dot(v, other)).to.be.closeTo(j === k ? 1 : 0, 1e-9);
          });
          if (k > 0) expect(values[k]!).to.be.at.most(values[k - 1]!);
        });
      }),
      {numRuns: 60},
    );
  });
});

describe('the subspace of inputs', () => {
  // x = (2, 0, 0), (0, 1, 0), (0, 0, 0), (0, 0, 0): E[x x^T] = diag(1, 0.25, 0).
  const moments = secondMoments({width: 3, data: Float32Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)});

  it('has second moments, and holds a share of them by the fewest directions: by hand', () => {
    expect([...moments]).to.deep.equal([1, 0, 0, 0, 0.25, 0, 0, 0, 0]);
    const along = (basis: readonly Float64Array[]) => basis.map((v) => [...v].map((x) => Math.abs(Math.round(x))));
    expect(along(widened([], moments, 3, 0.8))).to.deep.equal([[1, 0, 0]]); // 1 of 1.25
    expect(along(widened([], moments, 3, 0.81))).to.deep.equal([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const first = Float64Array.of(1, 0, 0);
    expect(widened([first], moments, 3, 0.8)).to.deep.equal([first]); // It holds enough already.
    expect(along(widened([first], moments, 3, 1))).to.have.length(2); // What never comes in needs no direction.
  });

  it('leaves to a new module where inputs spread most outside of it: by hand', () => {
    const [free] = leadingOutside(moments, 3, [], 1);
    const [held] = leadingOutside(moments, 3, [Float64Array.of(1, 0, 0)], 1);
    expectClose([...free!].map(Math.abs), [1, 0, 0]);
    expectClose([...held!].map(Math.abs), [0, 1, 0]);
  });

  it('law: what a module reads is at right angles to the subspace', () => {
    const line = fc.array(fc.integer({min: -9, max: 9}), {minLength: 5, maxLength: 5});
    const [few, many] = [2, 8].map((count) => fc.array(line, {minLength: count, maxLength: count}));
    fc.assert(
      fc.property(few!, many!, (earlier, now) => {
        const of = (rows: number[][]) => secondMoments({width: 5, data: Float32Array.from(rows.flat())});
        const basis = widened([], of(earlier), 5, 0.999);
        expect(basis.length).to.be.at.most(2); // Two lines span no more.
        for (const direction of leadingOutside(of(now), 5, basis, 1)) {
          // Unless nothing is left outside, when any direction is as good.
          const outside = now.some((x) => {
            const rest = basis.reduce((left, held) => left - dot(x, held) ** 2, dot(x, x));
            return rest > 1e-3;
          });
          if (outside) for (const held of basis) expect(Math.abs(dot(direction, held))).to.be.below(1e-4);
        }
      }),
      {numRuns: 40},
    );
  });
});

describe('inf-lora', () => {
  const engine = useEngine();
  const stream = {kind: 'permuted', dataset: {kind: 'procedural', classes: 6}, tasks: 2} as const;
  const train = {epochs: 3, batchSize: 16, optimizer: {kind: 'adam', learningRate: 0.01}} as const;
  const run = (share: number, changed: Partial<RunConfigInput> = {}) =>
    runTiny(engine(), {
      scenario: 'domain-incremental',
      stream,
      train,
      strategy: [{kind: 'inf-lora', rank: 2, share, examples: 50}],
      ...changed,
    });

  it('designs what a module reads and never trains it: orthogonal columns of length 1 / sqrt(3), outside of the basis', async () => {
    const {checkpoints} = await run(0.8);
    const {network} = checkpoints.at(-1)!;
    const {data} = network.parameters['layer0/module:1/down']!;
    const column = (k: number) => Array.from({length: 36}, (_, i) => data[2 * i + k]!);
    expectClose([dot(column(0), column(0)), dot(column(1), column(1))], [1 / 3, 1 / 3], {relative: 1e-4});
    expect(Math.abs(dot(column(0), column(1)))).to.be.below(1e-5);
    const basis = checkpoints[1]!.strategyStates[0]!.arrays['basis/layer0']!;
    const [count] = basis.shape as [number];
    expect(count).to.be.greaterThan(0);
    for (let k = 0; k < count; k++) {
      for (const own of [column(0), column(1)])
        expect(Math.abs(dot(basis.data.subarray(36 * k, 36 * (k + 1)), own))).to.be.below(1e-4);
    }
    expect(network.parameters['layer0/module:1/up']!.data.some((weight) => weight !== 0)).to.equal(true);
  });

  it('leaves earlier tasks alone the better, the more of their inputs the basis holds', async () => {
    const forgotten = async (share: number) => {
      const {events} = await run(share, {train: {...train, epochs: 8}});
      const losses = events
        .filter((event) => event.type === 'evaluation')
        .filter(({evalTask, split, afterTask}) => evalTask === 0 && split === 'test' && afterTask >= 0)
        .map(({loss}) => loss!);
      return losses[1]! - losses[0]!;
    };
    expect(await forgotten(0.99)).to.be.below(await forgotten(0));
  });

  it('refuses layers whose modules read more than one position', async () => {
    const network = {kind: 'cnn'} as const;
    const {message} = await refusalOf('E_COMBINATION', () => run(0.5, {network}));
    expect(message).to.contain('Use a network of dense layers');
  });
});
