import {execFileSync} from 'node:child_process';
import {createRequire} from 'node:module';
import {arch, cpus, platform, release} from 'node:os';
import type {Engine} from '@accrete/engine';
import {type Environment, RECORD_VERSION} from '@accrete/kit';

/** Where a run is computed: versions, engine, processor, git commit of the working folder. */
export function describeEnvironment(engine: Engine): Environment {
  const {kind, reason, threads, versions} = engine;
  const own = createRequire(import.meta.url)('../../package.json') as {version: string};
  return {
    version: RECORD_VERSION,
    accrete: own.version,
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: Math.max(1, cpus().length),
    engine: {kind, reason, threads, versions: {...versions}},
    gitCommit: gitCommit(),
  };
}

function gitCommit(): string | null {
  try {
    const commit = git('rev-parse', 'HEAD');
    const changed = git('status', '--porcelain') !== '';
    return changed ? `${commit} with uncommitted changes` : commit;
  } catch {
    return null; // Not a git checkout, or no git.
  }
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000}).trim();
}
