import {bitEqual} from '@accrete/kit';
import {expect} from 'chai';
import {type Strategy, strategies} from '../../src/index.ts';
import {
  type Collected,
  collect,
  dataset,
  logitHashes,
  runTiny,
  runWith,
  smallOptions,
  tinyConfig,
  useEngine,
} from '../support/tiny-run.ts';

/** Paths of parameters outside the head that differ between two checkpoints. */
function moved({checkpoints}: Collected, from: number, to: number): string[] {
  const [before, after] = [from, to].map((at) => checkpoints[at]!.network.parameters);
  return Object.keys(before!).filter((path) => !path.startsWith('head/') && !bitEqual(before![path]!, after![path]!));
}

describe('bounds', () => {
  const engine = useEngine();

  it('cumulative goes on from the weights of the last task, on all examples so far', async () => {
    const still = {epochs: 1, batchSize: 16, optimizer: {kind: 'sgd', learningRate: 1e-30}} as const;
    const run = await runTiny(engine(), {strategy: [smallOptions.cumulative], train: still});
    expect(moved(run, 0, 3)).to.deep.equal([]);
    const examples = run.events.filter((event) => event.type === 'epoch').map((event) => event.examples);
    expect(examples).to.deep.equal([54, 108, 162]);
  });

  it('frozen-base moves the base in the first task and never again; with a head per task no logit moves after', async () => {
    const run = await runTiny(engine(), {strategy: [smallOptions['frozen-base']]});
    expect(moved(run, 0, 1)).to.have.length(4);
    expect(moved(run, 1, 3)).to.deep.equal([]);
    for (const hashes of logitHashes(run.events, 3)) expect(hashes.size).to.equal(1);
    const single = await runTiny(engine(), {
      scenario: 'domain-incremental',
      strategy: [smallOptions['frozen-base']],
    });
    expect(moved(single, 1, 3)).to.deep.equal([]);
    const [one, last] = [1, 3].map((at) => single.checkpoints[at]!.network.parameters['head/segment:0/kernel']!);
    expect(bitEqual(one!, last!), 'the one head there is goes on learning').to.equal(false);
  });

  it('independent answers for each task with the network that the task ended with', async () => {
    const run = await runTiny(engine(), {strategy: [smallOptions.independent]});
    for (const hashes of logitHashes(run.events, 3)) expect(hashes.size).to.equal(1);
    const weights = 36 * 12 + 12 + 12 * 8 + 8;
    const bytes = run.events.filter((event) => event.type === 'task-end').map(({parameters}) => parameters.bytes);
    const head = 8 * 2 + 2;
    expect(bytes).to.deep.equal([1, 2, 3].map((tasks) => 4 * tasks * (weights + head)));
  });

  it('independent passes nothing on: a task ends with the same weights whatever the task before learned', async () => {
    const idleFirst: Strategy = {
      taskSpecific: false,
      mixesTasks: false,
      rehearsalRows: 0,
      plan: ({task, epochs}) =>
        task.index === 0 ? {phases: [{name: 'train', epochs: 0}]} : {phases: [{name: 'train', epochs}]},
    };
    const ends = async (...more: Strategy[]) => {
      const chain = [strategies.create({kind: 'independent'}), ...more];
      const strategy = [smallOptions.independent];
      const {checkpoints} = await collect(runWith(tinyConfig({strategy}), chain, {engine: engine(), dataset}));
      return checkpoints.at(-1)!.network.parameters;
    };
    const [whole, idle] = [await ends(), await ends(idleFirst)];
    for (const path of Object.keys(whole)) {
      expect(bitEqual(whole[path]!, idle[path]!), path).to.equal(!path.startsWith('head/segment:0'));
    }
  });
});
