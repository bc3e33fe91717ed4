// Installs what is missing and builds what is stale; says in one line what it cannot do. Used by every command of the workspace.
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';

export const root = resolve(import.meta.dirname, '..');
const stamp = join(root, 'node_modules/.accrete-installed');

/** Environment for the tools: no telemetry, no background processes, no colour codes in logs. */
export const environment = {
  ...process.env,
  NX_DAEMON: 'false',
  NX_TUI: 'false',
  NX_NO_CLOUD: 'true',
  NX_INTERACTIVE: 'false',
  NX_SKIP_NX_CACHE: process.env.NX_SKIP_NX_CACHE ?? 'false',
};

export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a program quietly: its output is shown only where it fails. */
export function quietly(doing, program, args) {
  const began = Date.now();
  const result = spawnSync(program, args, {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (result.error)
    fail(`${doing} needs ${program}, which does not start (${result.error.message}). Install it and try again.`);
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout}${result.stderr}`);
    fail(`${doing} failed; see above.`);
  }
  console.log(`${doing}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

export function install() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Accrete needs Node 20.19 or later, this is ${process.version}. Install a newer Node.`);
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing packages (the first time only) …');
  quietly('npm ci', 'npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund']);
  writeFileSync(stamp, lock);
}

export function build() {
  quietly('build', process.execPath, [
    join(root, 'node_modules/nx/dist/bin/nx.js'),
    'run-many',
    '-t',
    'build',
    '--outputStyle=static',
  ]);
}
