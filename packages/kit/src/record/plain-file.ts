import {closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats} from 'node:fs';
import {HarnessError, messageOf} from '../errors/harness-error.ts';

/** Larger files are refused: none of ours comes near, and one line of such a size would fill the memory. */
const LARGEST_BYTES = 256 * 2 ** 20;

/** False on Windows, where opening a link cannot be refused. */
const CAN_REFUSE_LINKS = constants.O_NOFOLLOW !== undefined;

/** Opening neither follows a link nor waits for the other end of a pipe. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file of a run folder. A run writes plain files, so nothing else is read: a link could make a report read, and
 * print, what is none of its business; a pipe would make it wait for ever; and a file of many gigabytes would fill the memory.
 *
 * What is judged is what is read, the open file, so that nothing can be put in its place between the two. On Windows a link
 * is looked for by name just before.
 *
 * @throws HarnessError E_RECORD where it is missing, no plain file, or larger than 256 MiB.
 */
export function readPlainFile(file: string): Buffer {
  try {
    if (!CAN_REFUSE_LINKS) requirePlain(file, lstatSync(file));
    const handle = openSync(file, FLAGS);
    try {
      const stat = fstatSync(handle);
      requirePlain(file, stat);
      return bytesOf(handle, stat.size);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    if (isLinkRefusal(cause)) throw refusal(file, LINK, cause);
    const message = `cannot read ${file}: ${messageOf(cause)}. A run folder holds it; is this one?`;
    throw new HarnessError('E_RECORD', message, {file}, cause);
  }
}

const LINK = 'is a symbolic link and was not followed.';

/** @throws HarnessError E_RECORD where something in a run folder is not read. */
function requirePlain(file: string, stat: Stats): void {
  if (stat.isSymbolicLink()) throw refusal(file, LINK);
  if (!stat.isFile()) throw refusal(file, 'is expected to be a file.');
  if (stat.size > LARGEST_BYTES) throw refusal(file, `has ${stat.size} bytes; at most ${LARGEST_BYTES} are read.`);
}

function refusal(file: string, reason: string, cause?: unknown): HarnessError {
  return new HarnessError('E_RECORD', `${file} ${reason}`, {file}, cause);
}

/** What the system says to O_NOFOLLOW: ELOOP, on FreeBSD EMLINK. */
function isLinkRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ELOOP' || error.code === 'EMLINK');
}

/** So many bytes from the start of an open file, or all where it has fewer. */
function bytesOf(handle: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(count);
  let at = 0;
  while (at < count) {
    const read = readSync(handle, bytes, at, count - at, null);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}
