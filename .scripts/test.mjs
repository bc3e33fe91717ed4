// npm test: installs and builds what is missing, then checks everything. Ends with the line "N passed, N failed".
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {boundaries} from './boundaries.mjs';
import {cycles} from './cycles.mjs';
import {build, environment, install, root} from './ensure.mjs';
import {stale} from './generate.mjs';
import {registryAddresses} from './lock.mjs';

install();
build();

let passed = 0;
let failed = 0;
const nx = join(root, 'node_modules/nx/dist/bin/nx.js');

/** A check that is a list of problems. */
function check(name, problems) {
  if (problems.length === 0) {
    passed++;
    console.log(`✔ ${name}`);
    return;
  }
  failed++;
  console.log(`✘ ${name}\n${problems.map((problem) => `    ${problem}`).join('\n')}`);
}

/** A check that is a target of every package: one count per package, from Nx's cache where nothing changed. */
function target(name) {
  const projects = readdirSync(join(root, 'packages'));
  const run = (extra) =>
    spawnSync(process.execPath, [nx, 'run-many', '-t', name, '--outputStyle=static', '--parallel=2', ...extra], {
      cwd: root,
      env: environment,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
  const {status, stdout, stderr} = run([]);
  if (status !== 0) console.log(`${stdout}${stderr}`);
  return {ok: status === 0, projects};
}

for (const name of ['typecheck', 'lint']) {
  const {ok, projects} = target(name);
  if (ok) passed += projects.length;
  else failed++;
  console.log(`${ok ? '✔' : '✘'} ${name} of ${projects.length} packages`);
}
const outside = spawnSync(
  process.execPath,
  [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
  {cwd: root, encoding: 'utf8'},
);
check('format and lint of the workspace', outside.status === 0 ? [] : [outside.stdout + outside.stderr]);
check('package boundaries', boundaries());
check('no runtime import cycles', cycles());
check('lock file without registry addresses', registryAddresses());
check('generated files are current', await stale());

const {ok, projects} = target('test');
for (const project of projects) {
  const file = join(root, 'packages', project, 'test-results.json');
  const counts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {passed: 0, failed: 1};
  passed += counts.passed;
  failed += counts.failed;
  console.log(`${counts.failed === 0 ? '✔' : '✘'} ${project}: ${counts.passed} passed, ${counts.failed} failed`);
}
if (!ok && failed === 0) failed++;

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
