import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';

// Not with @accrete/testing's `readmeExample`: testing depends on kit, so that its use here would close a circle of builds.
describe('README.md', () => {
  it('has an example that runs and prints what it says', () => {
    const folder = join(import.meta.dirname, '..');
    const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))![1]!;
    const args = [...process.execArgv, '--input-type=module', '--eval', code];
    const {stdout, stderr} = spawnSync(process.execPath, args, {cwd: folder, encoding: 'utf8'});
    const promised = [...code.matchAll(/\/\/ prints: (.*)/g)].map(([, text]) => text);
    expect(promised.length).to.be.greaterThan(0);
    expect(stderr + stdout).to.equal(`${promised.join('\n')}\n`);
  });
});
