// A process that records one run when told to, and may die at a chosen file operation, also in the middle of a write.
import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';
import {createEngine} from '@accrete/engine';
import {describeEnvironment, type RunConfig, recordRun} from '../../src/index.ts';
import {dataset} from './tiny-run.ts';

/** What the process is told. */
export interface Order {
  readonly config: RunConfig;
  readonly folder: string;
  readonly checkpointEverySteps: number;
  /** Which file operation is the last; a write is then done by half. Absent: none. */
  readonly dieAtOperation?: number;
}

const engine = await createEngine({kind: 'onnx'});
const environment = describeEnvironment(engine);

process.on('message', async ({config, folder, checkpointEverySteps, dieAtOperation}: Order) => {
  if (dieAtOperation !== undefined) dieAt(dieAtOperation);
  await recordRun(config, {folder, engine, dataset, environment, checkpointEverySteps});
  process.disconnect();
});
process.on('disconnect', () => process.exit(0));
process.send!('ready');

function dieAt(last: number): void {
  let operations = 0;
  for (const name of [
    'openSync',
    'writeSync',
    'fsyncSync',
    'renameSync',
    'truncateSync',
    'linkSync',
    'rmSync',
  ] as const) {
    const whole = fs[name] as (...given: unknown[]) => unknown;
    const mortal = (...given: unknown[]): unknown => {
      if (++operations === last) {
        const [handle, bytes, at] = given as [number, Uint8Array, number | undefined];
        if (name === 'writeSync') whole(handle, bytes.subarray(at ?? 0, Math.ceil(bytes.length / 2)));
        process.kill(process.pid, 'SIGKILL');
      }
      return whole(...given);
    };
    Object.assign(fs, {[name]: mortal});
  }
  syncBuiltinESMExports();
}
