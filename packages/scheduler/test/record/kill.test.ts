import {type ChildProcess, fork} from 'node:child_process';
import {existsSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {createEngine} from '@accrete/engine';
import {bitEqual, readRun, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {type Checkpoint, decodeCheckpoint, describeEnvironment, type RunConfig, recordRun} from '../../src/index.ts';
import {bundle} from '../support/bundle.ts';
import {inFolder} from '../support/folder.ts';
import type {Order} from '../support/recorded-run.ts';
import {dataset, smallOptions, tinyConfig} from '../support/tiny-run.ts';

const KILLS = 20;
const seeds = seedStream(Number(process.env['FC_SEED'] ?? 3), 'kill');

const program = join(import.meta.dirname, `../../node_modules/.cache/recorded-run-${process.pid}.mjs`);

/** Long enough to be killed 20 times, with an optimiser state that crosses tasks. */
const long = {
  scenario: 'task-incremental',
  train: {epochs: 20, batchSize: 8, optimizer: {kind: 'adam', learningRate: 0.003}, atBoundary: 'keep'},
} as const;
const configs: Record<string, RunConfig> = {
  'with a buffer and importances': tinyConfig({...long, strategy: [smallOptions.replay, smallOptions.ewc]}),
  'with masks and two phases': tinyConfig({...long, strategy: [{...smallOptions.packnet, retrainEpochs: 12}]}),
};

/** A process that has loaded everything and waits for its order. */
async function startChild(): Promise<ChildProcess> {
  const child = fork(program, [], {execArgv: []});
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the child ended with code ${code}`)));
  });
  return child;
}

/** Gives the order and waits for the end. @param killAfterMs kills it from outside. */
function end(child: ChildProcess, order: Order, killAfterMs?: number): Promise<NodeJS.Signals | number | null> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', (code, signal) => resolve(signal ?? code));
    child.send(order);
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
}

function outcomesIn(folder: string): Record<string, Buffer> {
  const names = readdirSync(join(folder, 'outcomes')).filter((name) => name.endsWith('.arrow'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, 'outcomes', name))]));
}

function checkpointIn(folder: string): Checkpoint {
  const file = join(folder, 'checkpoint/checkpoint.safetensors');
  return decodeCheckpoint(readFileSync(file), file).checkpoint;
}

describe('a run that is killed', () => {
  before(() => bundle(join(import.meta.dirname, '../support/recorded-run.ts'), program));
  after(() => rmSync(program));

  for (const [name, config] of Object.entries(configs)) {
    it(`${KILLS} times in sequence, at random moments and in the middle of writes, ends bit-identical to one that is not: ${name}`, async function () {
      this.timeout(240_000);
      await inFolder(async (top) => {
        const folder = join(top, 'killed');
        const places = new Set<string>();
        let next = startChild();
        for (let kill = 0; kill < KILLS; kill++) {
          const child = await next;
          next = startChild(); // Loads while this one works.
          const order = {config, folder, checkpointEverySteps: 2};
          const ended =
            kill % 3 < 2
              ? await end(child, {...order, dieAtOperation: 1 + seeds.integer(180)})
              : await end(child, order, 30 + seeds.integer(150));
          expect(ended, `kill ${kill}`).to.equal('SIGKILL');
          if (!existsSync(join(folder, 'checkpoint/checkpoint.safetensors'))) continue;
          const {task, phase, epoch, step} = checkpointIn(folder).cursor;
          places.add(`${task}/${phase}/${epoch}/${step}`);
        }
        expect(await end(await next, {config, folder, checkpointEverySteps: 2})).to.equal(0);
        expect(places.size, 'different places').to.be.at.least(KILLS / 2);

        const engine = await createEngine({kind: 'onnx'});
        const whole = join(top, 'whole');
        const environment = describeEnvironment(engine);
        const recorded = await recordRun(config, {folder: whole, engine, dataset, environment});
        await engine.dispose();
        expect(recorded.state).to.equal('done');

        const [killed, uninterrupted] = [outcomesIn(folder), outcomesIn(whole)];
        expect(Object.keys(killed)).to.deep.equal(Object.keys(uninterrupted)).and.to.have.length(4);
        for (const name of Object.keys(killed)) expect(killed[name]!.equals(uninterrupted[name]!), name).to.equal(true);
        const [a, b] = [checkpointIn(folder), checkpointIn(whole)];
        expect(a.cursor).to.deep.equal(b.cursor);
        for (const of of ['parameters', 'optimizer'] as const) {
          const [left, right] = [a, b].map((c) => (of === 'parameters' ? c.network.parameters : c.optimizerState));
          expect(Object.keys(left!).sort()).to.deep.equal(Object.keys(right!).sort());
          for (const key of Object.keys(left!)) expect(bitEqual(left![key]!, right![key]!), key).to.equal(true);
        }
        const [record, plain] = [readRun(folder), readRun(whole)];
        expect(record.torn).to.equal(false);
        expect(record.status.state).to.equal('done');
        const hashes = [record, plain]
          .map(({events}) => events.at(-1)!)
          .map((event) => event.type === 'run-end' && event.parametersHash);
        expect(hashes[0]).to.be.a('string').and.to.equal(hashes[1]);
        const accuracies = [record, plain].map(({events}) =>
          events
            .filter((event) => event.type === 'evaluation')
            .map(({logitsHash, accuracy}) => ({logitsHash, accuracy})),
        );
        expect(accuracies[0]).to.deep.equal(accuracies[1]);
      });
    });
  }
});
