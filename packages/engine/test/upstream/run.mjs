// node packages/engine/test/upstream/run.mjs [file filter]
// Runs tfjs-core's own specs of its operations and gradients through the traced backend, and prints the counts.
import {spawn} from 'node:child_process';
import {join, resolve} from 'node:path';

const flags = ['--import=tsx', '--conditions=@accrete/source', '--expose-gc'];
const child = spawn(process.execPath, [...flags, join(import.meta.dirname, 'main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: resolve(import.meta.dirname, '../..'),
});
child.on('exit', (code) => process.exit(code ?? 1));
