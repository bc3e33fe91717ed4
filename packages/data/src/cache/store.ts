import {existsSync} from 'node:fs';
import {mkdir, open, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {messageOf, sha256} from '@accrete/kit';
import type {StoredFile} from '../source/file-set.ts';
import {isAbandoned, ownedName} from './owner.ts';

/** Why `bytes` are not `file`: a sentence with what was expected and what came; undefined where they are. */
export function mismatch(file: StoredFile, bytes: Uint8Array): string | undefined {
  if (bytes.length !== file.sizeBytes) {
    return `${file.name}: expected ${file.sizeBytes} bytes, got ${bytes.length}`;
  }
  const found = sha256(bytes);
  return found === file.sha256 ? undefined : `${file.name}: expected SHA-256 ${file.sha256}, got ${found}`;
}

/** What the cache holds of a file. */
export type Cached =
  | {readonly state: 'good'; readonly bytes: Uint8Array}
  | {readonly state: 'absent'}
  | {readonly state: 'bad'; readonly reason: string};

/**
 * Read a file from a data set's folder and compare its length and SHA-256. One that does not match is renamed to
 * `<name>.bad-<n>`, so that it can be looked at and is never used.
 */
export async function readCached(folder: string, file: StoredFile): Promise<Cached> {
  const path = join(folder, file.name);
  let bytes: Uint8Array;
  let inode: number;
  try {
    const handle = await open(path);
    try {
      inode = (await handle.stat()).ino;
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {state: 'absent'};
    return {state: 'bad', reason: `${file.name} cannot be read: ${messageOf(error)}`};
  }
  const difference = mismatch(file, bytes);
  if (difference === undefined) return {state: 'good', bytes};
  // Another process may have replaced the bad file meanwhile: only what was read is put aside.
  const aside = (await stat(path).catch(() => undefined))?.ino === inode ? await setAside(path) : undefined;
  return {state: 'bad', reason: `${difference}${aside === undefined ? '' : `; kept aside as ${aside}`}`};
}

/** Rename `path` to the first free `path.bad-<n>`. @returns the new path, or undefined where that was not possible. */
export async function setAside(path: string): Promise<string | undefined> {
  let n = 1;
  while (existsSync(`${path}.bad-${n}`)) n++;
  try {
    await rename(path, `${path}.bad-${n}`);
    return `${path}.bad-${n}`;
  } catch {
    return undefined;
  }
}

/**
 * Put a file into a data set's folder: written under a name of its own, flushed to disk, then renamed. So the final name
 * holds a whole file or none, however many processes do the same at once and whenever they are killed.
 *
 * @throws the system's error, for instance EACCES or ENOSPC; nothing is left behind then.
 */
export async function putCached(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, {recursive: true});
  await sweep(folder, `${name}.tmp`);
  const temporary = join(folder, ownedName(`${name}.tmp`));
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, {force: true});
    throw error;
  }
  await syncFolder(folder);
}

/** Remove what killed processes left of `name`. */
async function sweep(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (isAbandoned(entry, name)) await rm(join(folder, entry), {force: true});
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Not every system lets a folder be opened; the files themselves are flushed already.
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

const ORIGIN = 'origin.txt';

/** Note where the files of a folder came from; for people only. */
export async function putOrigin(folder: string, origin: string): Promise<void> {
  await putCached(folder, ORIGIN, new TextEncoder().encode(`${origin}\n`));
}

/** Where the files of a folder came from, or undefined where it was not noted. */
export async function readOrigin(folder: string): Promise<string | undefined> {
  return (await readFile(join(folder, ORIGIN), 'utf8').catch(() => undefined))?.trim();
}
