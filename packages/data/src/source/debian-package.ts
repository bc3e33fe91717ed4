import {mkdir, mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {messageOf} from '@accrete/kit';
import {dataError} from '../decode/data-error.ts';
import {runCommand} from './command.ts';
import type {FetchContext, Files, Provider, StoredFile} from './file-set.ts';
import {readFolder} from './system-folder.ts';

/** A Debian package and the folder in it that holds the files. */
export interface DebianPackage {
  readonly package: string;
  /** Absolute, as installed. */
  readonly folder: string;
}

const UPDATE_TIMEOUT_MS = 180_000;
const DOWNLOAD_TIMEOUT_MS = 600_000;
const UNPACK_TIMEOUT_MS = 120_000;

/**
 * Files out of a Debian package, from whatever mirror the system's own apt sources name. Nothing is installed: the
 * package lists, the package and its content live in a temporary folder, removed afterwards, so neither root nor an
 * earlier `apt-get update` is needed and the system's own lists are not touched. apt checks the signatures as ever.
 */
export function debianPackage(spec: DebianPackage): Provider {
  return {
    name: `Debian's package ${spec.package}`,
    network: true,
    fetch: async (needed, context) => {
      const folder = await mkdtemp(join(tmpdir(), 'accrete-apt-'));
      try {
        return await download(spec, folder, needed, context);
      } finally {
        await rm(folder, {recursive: true, force: true});
      }
    },
  };
}

async function download(
  spec: DebianPackage,
  folder: string,
  needed: readonly StoredFile[],
  {report, signal}: FetchContext,
): Promise<Files> {
  const state = join(folder, 'state');
  const cache = join(folder, 'cache');
  const content = join(folder, 'content');
  for (const path of [join(state, 'lists', 'partial'), join(cache, 'archives', 'partial'), content]) {
    await mkdir(path, {recursive: true});
  }
  const options = [
    `Dir::State=${state}`,
    `Dir::State::Lists=${join(state, 'lists')}`,
    `Dir::Cache=${cache}`,
    // As root, apt would fetch as the user _apt, who may not write into our folder.
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::Retries=0',
    'Acquire::http::Timeout=15',
    'Acquire::https::Timeout=15',
  ].flatMap((option) => ['-o', option]);
  report(`asking the system's package mirror for ${spec.package}`);
  // Where one of several sources does not answer, apt fails although the one that matters may be there.
  const said = await runCommand('apt-get', [...options, '-q', 'update'], {
    cwd: folder,
    timeoutMs: UPDATE_TIMEOUT_MS,
    signal,
    allowFailure: true,
  });
  try {
    await runCommand('apt-get', [...options, '-q', 'download', spec.package], {
      cwd: folder,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      signal,
    });
  } catch (error) {
    const first = said.split('\n').find((line) => /^[EW]: /.test(line));
    throw dataError(
      `${messageOf(error).replace(/^E_DATA: /, '')}${first ? ` (update said: ${first})` : ''}`,
      {},
      error,
    );
  }
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw dataError(`apt-get download ${spec.package} left no .deb file`);
  await runCommand('dpkg', ['-x', join(folder, archive), content], {
    cwd: folder,
    timeoutMs: UNPACK_TIMEOUT_MS,
    signal,
  });
  return await readFolder(join(content, spec.folder), needed);
}
