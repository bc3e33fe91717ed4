import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';

describe('README.md', () => {
  it('has an example that runs and prints what it says', () => {
    const folder = join(import.meta.dirname, '..');
    const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))!;
    const said = [...code!.matchAll(/\/\/ prints: (.*)/g)].map(([, line]) => line);
    const args = [...process.execArgv, '--input-type=module', '--eval', code!];
    const printed = execFileSync(process.execPath, args, {cwd: folder, encoding: 'utf8'}).trim();
    expect(printed.split('\n')).to.deep.equal(said);
  });
});
