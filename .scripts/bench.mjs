// npm run bench [-- flags of `accrete run`]: installs, builds, and runs benchmarks/quick.yaml with a report at the end.
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {build, environment, install, root} from './ensure.mjs';

install();
build();
const args = process.argv.slice(2);
const config = args[0]?.endsWith('.yaml') ? args.shift() : 'benchmarks/quick.yaml';
const {status} = spawnSync(process.execPath, [join(root, 'packages/cli/bin/accrete.js'), 'run', config, ...args], {
  cwd: root,
  env: environment,
  stdio: 'inherit',
});
process.exit(status ?? 1);
