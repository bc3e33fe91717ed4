// Runs the mocha tests of the package in the working folder, all or those of the files named, and leaves the counts in
// test-results.json.
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';

const require = createRequire(import.meta.url);
const mocha = join(dirname(require.resolve('mocha/package.json')), 'bin/mocha.js');
const config = resolve(import.meta.dirname, '../.mocharc.json');
rmSync('test-results.json', {force: true});
// Nx asks its children for colours, and examples that print numbers would not print what they say.
const {FORCE_COLOR: _, ...env} = process.env;
const run = (args) => spawnSync(process.execPath, [mocha, '--config', config, ...args], {stdio: 'inherit', env});
const given = process.argv.slice(2);
const files = given.some((word) => word.endsWith('.test.ts')) ? [] : ['test/**/*.test.ts'];
const {status} = run(['--reporter', resolve(import.meta.dirname, 'reporter.cjs'), ...given, ...files]);
if (!existsSync('test-results.json')) process.exit(status || 1); // Its files did not load; mocha has said why.
const results = JSON.parse(readFileSync('test-results.json', 'utf8'));
if (results.passed + results.failed === 0) {
  console.error('No test ran: expected test/**/*.test.ts to hold some.');
  process.exit(1);
}
process.exit(status ?? 1);
