import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {dataError} from '../decode/data-error.ts';
import {gunzip} from '../decode/gunzip.ts';
import type {Files, Provider, StoredFile} from './file-set.ts';

/**
 * A folder that the system's own packages fill, with each file as it is or gzipped as `<name>.gz`. It is only read.
 */
export function systemFolder(path: string): Provider {
  return {
    name: `system folder ${path}`,
    network: false,
    fetch: async (needed) => {
      if (!existsSync(path)) throw dataError('there is no such folder');
      return await readFolder(path, needed);
    },
  };
}

/**
 * Read files from a folder, each as it is or gzipped as `<name>.gz`.
 *
 * @throws the system's error for a file that is neither; HarnessError E_DATA for one that does not unpack.
 */
export async function readFolder(path: string, needed: readonly StoredFile[]): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const {name, sizeBytes} of needed) {
    const plain = await readFile(join(path, name)).catch(() => undefined);
    files.set(name, plain ?? (await gunzip(await readFile(join(path, `${name}.gz`)), sizeBytes)));
  }
  return files;
}
