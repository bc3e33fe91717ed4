// npm run example: computes benchmarks/example.yaml anew and puts its report into reports/example/.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {build, environment, install, root} from './ensure.mjs';

install();
build();
const runs = mkdtempSync(join(tmpdir(), 'accrete-example-'));
try {
  const command = [join(root, 'packages/cli/bin/accrete.js'), 'run', 'benchmarks/example.yaml', '--out', runs];
  const report = ['--report', 'reports/example/report.html'];
  const {status} = spawnSync(process.execPath, [...command, ...report], {
    cwd: root,
    env: environment,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(runs, {recursive: true, force: true});
}
