import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {type LossTensors, type StepContext, type StepPart, type StrategyState, strategies} from '../../src/index.ts';
import {bufferOf, withBuffer} from '../../src/strategies/buffer.ts';
import {computed, spans, told} from '../support/in-step.ts';
import {runTiny, useEngine} from '../support/tiny-run.ts';
import {contextAt, flat, twoPixels} from '../support/two-pixels.ts';

const aGem = strategies.create({kind: 'a-gem', capacity: 10, batchSize: 3});

/** The step of a later task, with 2 own rows and 3 rehearsed ones. */
function laterStep(): StepPart {
  const setting = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
  const task = {...setting.task, index: 1};
  return aGem.step!(told<StepContext>({task, ...spans(2, 3)}));
}

describe('a-gem', () => {
  const engine = useEngine();

  async function directed(gradient: number[], reference: number[]): Promise<number[]> {
    const arrays = {gradient: flat(gradient, [gradient.length]), reference: flat(reference, [reference.length])};
    const {made} = await computed(engine(), arrays, (given) => {
      const found = laterStep().direct!(
        {theta: given['gradient']!},
        told<LossTensors>({
          gradientsOf: (span) => {
            expect(span).to.deep.equal({from: 2, rows: 3});
            return {theta: given['reference']!};
          },
        }),
      );
      return {made: found['theta']!};
    });
    return made!;
  }

  it('takes out of the gradient what would raise the loss of earlier examples: the worked example', async () => {
    // g . r = -4, r . r = 4: g + r.
    expectClose(await directed([1, -2], [0, 2]), [1, 0]);
    expectClose(await directed([3, -4], [1, 1]), [3.5, -3.5]);
  });

  it('leaves a gradient alone that lowers it, or where nothing is remembered', async () => {
    expect(await directed([1, 2], [0, 2])).to.deep.equal([1, 2]);
    expect(await directed([1, -2], [0, 0])).to.deep.equal([1, -2]);
  });

  it('trains on the own rows alone', () => {
    expect(laterStep().apart).to.deep.equal({from: 2, rows: 3});
  });

  it('rehearses examples of earlier tasks alone', () => {
    const {stream, network} = twoPixels(4, [1, 2], 0, [0, 0], [0, 0]);
    const rows = [0, 1, 0, 1].map((task, example) => ({task, example}));
    const state: StrategyState = withBuffer({values: {}, arrays: {}}, {rows, seen: 4}, stream);
    expect(bufferOf(state).rows).to.deep.equal(rows);
    const context = contextAt(stream, network, state);
    expect(aGem.rehearse!(context).rows).to.deep.equal([]);
    const later = aGem.rehearse!({...context, task: {...stream.tasks[0]!, index: 1}}).rows;
    expect(new Set(later.map(({task}) => task))).to.deep.equal(new Set([0]));
    expect(later).to.have.length(3);
  });

  it('keeps so many examples of every task where capacity is that of each', async () => {
    const kept = async (capacityOf: 'all-tasks' | 'each-task') => {
      const strategy = [{kind: 'a-gem', capacity: 6, batchSize: 4, capacityOf}];
      const {checkpoints} = await runTiny(engine(), {strategy});
      return bufferOf(checkpoints.at(-1)!.strategyStates[0]!).rows.map(({task}) => task);
    };
    expect(await kept('each-task')).to.deep.equal([0, 1, 2].flatMap((task) => Array(6).fill(task)));
    expect(await kept('all-tasks')).to.have.length(6);
  });
});
