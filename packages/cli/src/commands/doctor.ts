import {accessSync, constants} from 'node:fs';
import {arch, availableParallelism, cpus, platform, totalmem} from 'node:os';
import {defaultCacheFolder, listDatasets} from '@accrete/data';
import {createEngine, findEngines} from '@accrete/engine';
import {wrapped} from '../terminal/text.ts';
import type {FillCommand} from './command.ts';

/** `accrete doctor`: what is here, what is missing, what to do. */
export const doctorCommand: FillCommand = (command) =>
  command.action(async () => {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    say('Machine');
    say(`  Node ${process.version}, ${platform()} ${arch()}`);
    say(
      `  ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    );
    say('Engines');
    for (const {kind, available, reason, versions} of await findEngines()) {
      const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
      say(`  ${available ? 'found  ' : 'missing'} ${kind}${named.length > 0 ? ` (${named.join(', ')})` : ''}`);
      for (const line of wrapped(reason, '          ')) say(line);
    }
    const engine = await createEngine({kind: 'auto'});
    for (const line of wrapped(engine.reason, '  ')) say(line);
    await engine.dispose();
    say('Data');
    for (const {kind, generated, present} of await listDatasets()) {
      say(
        `  ${generated || present ? 'found  ' : 'missing'} ${kind}${generated || present ? '' : `: accrete data get ${kind}`}`,
      );
    }
    say(`  cache ${defaultCacheFolder()}, ${writable(defaultCacheFolder())}`);
  });

function writable(folder: string): string {
  try {
    accessSync(folder, constants.W_OK);
    return 'writable';
  } catch {
    return 'not there yet or not writable; ACCRETE_DATA sets another';
  }
}
