import {HarnessError, messageOf} from '@accrete/kit';
import {datasetFolder} from '../cache/folder.ts';
import {mismatch, putCached, putOrigin, readCached} from '../cache/store.ts';
import {datasetHash} from '../content-hash.ts';
import type {Dataset} from '../dataset.ts';
import {dataError} from '../decode/data-error.ts';
import type {LoadContext} from './context.ts';
import type {Decoded, FileSet, Provider, StoredFile} from './file-set.ts';

/** One source that was tried in vain, and why it failed. */
export interface Attempt {
  readonly source: string;
  readonly reason: string;
}

interface Found {
  readonly files: Map<string, Uint8Array>;
  readonly origin: string;
}

/**
 * Load a data set that is made of files: from the cache, else from the first provider that gives files of the right
 * length and SHA-256; those are then kept in the cache. What fails on the way is reported and recorded.
 *
 * @returns whole arrays, owned by the caller.
 * @throws HarnessError E_DATA where no source answers, with each of them, its reason, and what to do; `details.attempts`
 *   has the same as data. The reason of `context.signal` where it is aborted.
 */
export async function loadFileSet(set: FileSet, context: LoadContext = {}): Promise<Dataset> {
  const found = await findFiles(set, context);
  const {train, test} = await set.decode(found.files);
  checkCounts(set, {train, test});
  return {
    name: set.kind,
    imageShape: set.imageShape,
    classes: set.classes,
    train,
    test,
    contentHash: datasetHash(train, test),
    origin: found.origin,
    notes: set.notes,
  };
}

async function findFiles(set: FileSet, context: LoadContext): Promise<Found> {
  const folder = datasetFolder(set.kind, context);
  const report = (message: string): void => context.report?.(`${set.kind}: ${message}`);
  const attempts: Attempt[] = [];
  const note = (source: string, reason: string): void => {
    attempts.push({source, reason});
  };

  const files = new Map<string, Uint8Array>();
  const needed: StoredFile[] = [];
  const absent: string[] = [];
  const reasons: string[] = [];
  for (const file of set.files) {
    context.signal?.throwIfAborted();
    const cached = await readCached(folder, file);
    if (cached.state === 'good') files.set(file.name, cached.bytes);
    else {
      needed.push(file);
      if (cached.state === 'absent') absent.push(file.name);
      else {
        reasons.push(cached.reason);
        report(`the cache is damaged: ${cached.reason}`);
      }
    }
  }
  if (needed.length === 0) return {files, origin: 'cache'};
  if (absent.length > 0) {
    reasons.push(absent.length === set.files.length ? 'it has none of the files' : `it lacks ${absent.join(', ')}`);
  }
  note(`cache ${folder}`, reasons.join('; '));

  for (const provider of set.providers) {
    context.signal?.throwIfAborted();
    if (provider.network && context.offline === true) {
      note(provider.name, 'not tried: offline was asked for');
      continue;
    }
    try {
      const fetched = await checkedFetch(provider, needed, {folder, report, signal: context.signal});
      for (const [name, bytes] of fetched) files.set(name, bytes);
    } catch (error) {
      context.signal?.throwIfAborted();
      note(provider.name, messageOf(error).replace(/^E_DATA: /, ''));
      // A folder that is not there is no news; that a network did not answer is.
      if (provider.network) report(`${provider.name} failed: ${attempts.at(-1)!.reason}`);
      continue;
    }
    await keep(folder, needed, files, provider.name, report);
    return {files, origin: provider.name};
  }
  throw nothingAnswered(set, folder, attempts);
}

async function checkedFetch(
  provider: Provider,
  needed: readonly StoredFile[],
  context: Parameters<Provider['fetch']>[1],
): Promise<Map<string, Uint8Array>> {
  const fetched = await provider.fetch(needed, context);
  const checked = new Map<string, Uint8Array>();
  const wrong: string[] = [];
  for (const file of needed) {
    const bytes = fetched.get(file.name);
    const difference = bytes === undefined ? `${file.name} is missing` : mismatch(file, bytes);
    if (difference !== undefined) wrong.push(difference);
    else checked.set(file.name, bytes!);
  }
  if (wrong.length > 0) {
    context.report(`${provider.name} has other files than expected: ${wrong.join('; ')}`);
    throw dataError(wrong.join('; '));
  }
  return checked;
}

async function keep(
  folder: string,
  stored: readonly StoredFile[],
  files: ReadonlyMap<string, Uint8Array>,
  origin: string,
  report: (message: string) => void,
): Promise<void> {
  try {
    for (const {name} of stored) await putCached(folder, name, files.get(name)!);
    await putOrigin(folder, origin);
    report(`from ${origin}, kept in ${folder}`);
  } catch (error) {
    report(`from ${origin}; it could not be kept in ${folder}: ${messageOf(error)}`);
  }
}

/** A file set's table of examples is what pages and configs are checked against: it must be true. */
function checkCounts(set: FileSet, decoded: Decoded): void {
  for (const split of ['train', 'test'] as const) {
    if (decoded[split].examples !== set.examples[split]) {
      throw dataError(
        `${set.kind}: expected ${set.examples[split]} ${split} examples, got ${decoded[split].examples}.`,
      );
    }
  }
}

function nothingAnswered(set: FileSet, folder: string, attempts: readonly Attempt[]): HarnessError {
  const lines = attempts.map(({source, reason}) => `  - ${source}: ${reason}`);
  const names = set.files.map((file) => file.name).join(', ');
  return new HarnessError(
    'E_DATA',
    `${set.kind} could not be had. Tried, in order:\n${lines.join('\n')}\n` +
      `What to do: connect to a network and try again; or put ${names} into ${folder}; ` +
      `or name another data folder in ACCRETE_DATA; or allow generated images with "fallback: procedural".`,
    {kind: set.kind, attempts},
  );
}
