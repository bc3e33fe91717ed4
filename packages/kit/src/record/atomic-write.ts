import {closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {type ErrorCode, HarnessError, messageOf} from '../errors/harness-error.ts';

/** What to do about the commonest failures of writing. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, then go on with `accrete resume`.',
  EDQUOT: 'The disk quota is used up: free some space, then go on with `accrete resume`.',
  EACCES: 'You may not write there: choose another folder, or change its permissions.',
  EPERM: 'You may not write there: choose another folder, or change its permissions.',
  EROFS: 'The file system is read-only: choose another folder.',
  ENOTDIR: 'A part of the path is a file, not a folder: choose another folder.',
};

/** An error of the file system as one that says what to do. @param doing such as "write the event log" */
export function fileError(doing: string, file: string, cause: unknown, code: ErrorCode = 'E_FILE'): HarnessError {
  const reason = (cause as {code?: string} | null)?.code ?? '';
  const remedy = remedies[reason] ?? 'Check the path and its permissions.';
  return new HarnessError(code, `cannot ${doing} at ${file} (${messageOf(cause)}). ${remedy}`, {file, reason}, cause);
}

/**
 * Writes a file so that it is there whole or not at all: temporary file in the same folder, fsync, rename, fsync of the folder.
 * Makes the folder where it is missing.
 *
 * @throws HarnessError E_FILE saying what to do; the temporary file is removed.
 */
export function writeFileAtomic(file: string, data: string | Uint8Array): void {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${process.pid}.tmp`);
  try {
    mkdirSync(folder, {recursive: true});
    const handle = openSync(temporary, 'w');
    try {
      writeWhole(handle, typeof data === 'string' ? Buffer.from(data) : data);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
    const opened = openSync(folder, 'r');
    try {
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
  } catch (cause) {
    try {
      rmSync(temporary, {force: true});
    } catch {
      // The folder itself may be what is missing; the first error says so.
    }
    throw fileError('write', file, cause);
  }
}

/** Writes all bytes to an open file; one write may take only some of them. */
export function writeWhole(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
}
