import {createHash} from 'node:crypto';
import {type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {isHarnessError, messageOf} from '@accrete/kit';
import {isAbandoned, ownedName} from '../cache/owner.ts';
import {setAside} from '../cache/store.ts';
import {dataError} from '../decode/data-error.ts';
import type {FetchContext} from './file-set.ts';
import {httpGet, type Patience} from './http-request.ts';

/** One file at an address. */
export interface Download {
  readonly url: string;
  /** Name of the partial file, without `.part`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

const DEFAULT_PATIENCE: Patience = {connectMs: 5000, idleMs: 20_000};
const REPORT_EVERY_MS = 2000;
/** Attempts in a row that may bring no byte. */
const FRUITLESS_ATTEMPTS = 2;

/**
 * Download a file, going on where an earlier download of it stopped.
 *
 * What has come is kept as `<name>.part` in the data set's folder. A download takes that file over by renaming it to a
 * name of its own and gives it back when it fails, so two at once never write to one file, and what a killed process
 * left is found again. A server that does not know Range requests is asked for the whole file.
 *
 * @returns the whole, verified content; nothing is left in the folder.
 * @throws HarnessError E_DATA where the server answers with an error, too much, too little, or content of another
 *   SHA-256 (that one is kept aside as `<name>.bad-<n>`); the system's error where it cannot be reached.
 */
export async function download(
  file: Download,
  {folder, report, signal}: FetchContext,
  patience: Patience = DEFAULT_PATIENCE,
): Promise<Uint8Array> {
  await mkdir(folder, {recursive: true});
  const shared = join(folder, `${file.name}.part`);
  const own = await takeOver(folder, `${file.name}.part`);
  try {
    await transfer(file, own, {folder, report, signal}, patience);
  } catch (error) {
    await rename(own, shared).catch(() => undefined);
    throw error;
  }
  const bytes = await readFile(own);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== file.sha256) {
    const named = join(folder, file.name);
    await rename(own, named);
    const aside = await setAside(named);
    throw dataError(`${file.name}: expected SHA-256 ${file.sha256}, got ${found}; kept aside as ${aside}`);
  }
  await rm(own);
  return bytes;
}

/** Make the partial file ours: the shared one, else one of a process that is gone, else none yet. @returns our path. */
async function takeOver(folder: string, part: string): Promise<string> {
  const own = join(folder, ownedName(part));
  const candidates = (await readdir(folder)).filter((entry) => entry === part || isAbandoned(entry, part)).sort();
  for (const candidate of candidates) {
    try {
      // Only one of several takers succeeds; for the others the file is no longer there.
      await rename(join(folder, candidate), own);
      return own;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return own;
}

async function transfer(file: Download, path: string, context: FetchContext, patience: Patience): Promise<void> {
  for (let fruitless = 0; ; ) {
    const before = await lengthOf(path);
    if (before === file.sizeBytes) return;
    try {
      await continueFrom(file, path, before > file.sizeBytes ? 0 : before, context, patience);
      return;
    } catch (error) {
      context.signal?.throwIfAborted();
      const gained = (await lengthOf(path)) - before;
      fruitless = gained > 0 ? 0 : fruitless + 1;
      // Refusals and unreachable hosts stay what they are; only a transfer that was cut is worth another try.
      const cut = isHarnessError(error) ? error.details['cut'] === true : error instanceof Error && isCut(error);
      if (!cut || fruitless >= FRUITLESS_ATTEMPTS) throw error;
      context.report(`${file.name}: ${messageOf(error)}; going on at byte ${await lengthOf(path)}`);
    }
  }
}

async function continueFrom(
  file: Download,
  path: string,
  from: number,
  {report, signal}: FetchContext,
  patience: Patience,
): Promise<void> {
  const response = await httpGet(file.url, from, patience, signal);
  const status = response.statusCode ?? 0;
  const resumes = status === 206 && new RegExp(`^bytes ${from}-`).test(response.headers['content-range'] ?? '');
  if (!resumes && status !== 200) {
    response.destroy();
    if (from > 0 && (status === 206 || status === 416)) {
      await rm(path, {force: true});
      throw dataError(`${new URL(file.url).host} cannot go on at byte ${from}`, {cut: true});
    }
    throw dataError(`${file.url} answered with status ${status}`);
  }
  const start = resumes ? from : 0;
  const handle = await open(path, resumes ? 'a' : 'w');
  try {
    const end = await writeBody(response, handle, start, file, report);
    if (end < file.sizeBytes) {
      const cut = response.headers['content-length'] === undefined || !response.complete;
      throw dataError(`expected ${file.sizeBytes} bytes, got ${end}`, {cut});
    }
  } finally {
    response.destroy();
    await handle.close();
  }
}

async function writeBody(
  response: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  start: number,
  file: Download,
  report: (message: string) => void,
): Promise<number> {
  let at = start;
  let reportedAt = Date.now();
  for await (const chunk of response) {
    if (at + chunk.length > file.sizeBytes) {
      await handle.truncate(0);
      throw dataError(`${file.name}: expected ${file.sizeBytes} bytes, got more; it is not the file we know`);
    }
    await handle.writeFile(chunk);
    at += chunk.length;
    if (Date.now() - reportedAt >= REPORT_EVERY_MS) {
      reportedAt = Date.now();
      report(`${file.name}: ${(at / 1e6).toFixed(1)} of ${(file.sizeBytes / 1e6).toFixed(1)} MB`);
    }
  }
  return at;
}

function isCut(error: Error): boolean {
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}

async function lengthOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
