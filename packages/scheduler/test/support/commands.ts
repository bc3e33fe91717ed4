import {chmodSync, mkdirSync, writeFileSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {inFolder} from './folder.ts';

/**
 * With commands of our own first in the path: scripts of Node by their names, which see `fs`, `path` and the folder `state`.
 *
 * @param act gets a folder of its own, and `state`.
 */
export async function withCommands<T>(
  commands: Readonly<Record<string, string>>,
  act: (top: string, state: string) => Promise<T>,
): Promise<T> {
  return await inFolder(async (top) => {
    const [bin, state] = [join(top, 'bin'), join(top, 'state')];
    mkdirSync(bin);
    mkdirSync(state);
    const head = `#!${process.execPath}\nconst fs = require('node:fs');\nconst path = require('node:path');\nconst state = ${JSON.stringify(state)};\n`;
    for (const [name, body] of Object.entries(commands)) {
      writeFileSync(join(bin, name), head + body);
      chmodSync(join(bin, name), 0o755);
    }
    const before = process.env['PATH'];
    process.env['PATH'] = `${bin}${delimiter}${before}`;
    try {
      return await act(top, state);
    } finally {
      process.env['PATH'] = before;
    }
  });
}
