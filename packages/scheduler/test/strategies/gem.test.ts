import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {emptyState, type LossTensors, type StepContext, strategies} from '../../src/index.ts';
import {bufferOf, withBuffer} from '../../src/strategies/buffer.ts';
import {computed, spans, told} from '../support/in-step.ts';
import {refusalOf} from '../support/refusal.ts';
import {runTiny, tinyConfig, useEngine} from '../support/tiny-run.ts';
import {contextAt, flat, twoPixels} from '../support/two-pixels.ts';

describe('gem', () => {
  const engine = useEngine();

  /** What the gradient becomes, given that of each earlier task. */
  async function directed(gradient: number[], references: number[][], margin: number): Promise<number[]> {
    const {task} = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const gem = strategies.create({kind: 'gem', perTask: 10, batchSize: 4 * references.length, margin});
    const part = gem.step!(told<StepContext>({task: {...task, index: references.length}, ...spans(2, 8)}));
    const size = gradient.length;
    const arrays = {gradient: flat(gradient, [size]), references: flat(references.flat(), [references.length, size])};
    const {made} = await computed(engine(), arrays, (given) => {
      const found = part.direct!(
        {theta: given['gradient']!},
        told<LossTensors>({
          gradientsOf: ({from, rows}) => {
            expect(rows).to.equal(4);
            return {theta: tf.reshape(tf.slice(given['references']!, [(from - 2) / 4, 0], [1, -1]), [size])};
          },
        }),
      );
      return {made: found['theta']!};
    });
    return made!;
  }

  const close = {absolute: 1e-4, relative: 1e-4};

  it('is the nearest gradient that raises no earlier loss: worked examples', async () => {
    // x >= 0 and y >= 0: the corner.
    expectClose(
      await directed(
        [-1, -2],
        [
          [1, 0],
          [0, 3],
        ],
        0,
      ),
      [0, 0],
      close,
    );
    // x >= 0 and x + y >= 0: once x is 0, the second holds by itself.
    expectClose(
      await directed(
        [-1, 0.5],
        [
          [2, 0],
          [1, 1],
        ],
        0,
      ),
      [0, 0.5],
      close,
    );
    // One constraint is that of A-GEM.
    expectClose(await directed([3, -4], [[1, 1]], 0), [3.5, -3.5], close);
  });

  it('moves by at least the margin along each, where one is violated', async () => {
    // Without a margin v = 2 / 4; with 0.75 it is 0.75: (-1, 1) + 0.75 (2, 0).
    expectClose(await directed([-1, 1], [[2, 0]], 0.25), [0, 1], close);
    expectClose(await directed([-1, 1], [[2, 0]], 0.75), [0.5, 1], close);
    expect(
      await directed(
        [1, 1],
        [
          [2, 0],
          [0, 1],
        ],
        0.75,
      ),
    ).to.deep.equal([1, 1]);
  });

  it('violates nothing, whatever the gradients', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const seeds = seedStream(seed, 'gem');
      const draw = (): number[] => Array.from({length: 6}, () => seeds.normal());
      const references = [draw(), draw(), draw()];
      const found = await directed(draw(), references, 0);
      for (const reference of references) {
        const product = reference.reduce((sum, value, i) => sum + value * found[i]!, 0);
        expect(product).to.be.above(-1e-3);
      }
    }
  });

  it('keeps so many examples of every task, and shares a batch among the earlier ones', async () => {
    const {checkpoints} = await runTiny(engine(), {strategy: [{kind: 'gem', perTask: 5, batchSize: 8}]});
    const tasks = bufferOf(checkpoints.at(-1)!.strategyStates[0]!).rows.map(({task}) => task);
    expect(tasks).to.deep.equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
  });

  it('looks at all that it remembers, once, where a batch has room for it', () => {
    const {stream, network} = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const gem = strategies.create({kind: 'gem', perTask: 3, batchSize: 100});
    const rows = [0, 1, 2].map((example) => ({task: 0, example}));
    const context = contextAt(stream, network, withBuffer(emptyState, {rows, seen: 3}, stream));
    const rehearsed = gem.rehearse!({...context, task: {...stream.tasks[0]!, index: 1}}).rows;
    expect(rehearsed.map(({example}) => example).sort()).to.deep.equal([0, 1, 2]);
  });

  it('refuses a batch that has no row for every earlier task', async () => {
    const strategy = [{kind: 'gem', perTask: 5, batchSize: 1}] as const;
    expect(tinyConfig({strategy: [...strategy]}).strategy).to.have.length(1);
    const {message} = await refusalOf('E_COMBINATION', () => runTiny(engine(), {strategy: [...strategy]}));
    expect(message).to.match(/expected a batchSize of at least 2, got 1/);
  });
});
