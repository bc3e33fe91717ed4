import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';

const folder = join(import.meta.dirname, '..');

describe('the README', () => {
  const blocks = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
    (match) => match[1]!,
  );
  for (const [i, block] of blocks.entries()) {
    it(`example ${i + 1} runs and prints what it says`, () => {
      const {stdout, stderr, status} = spawnSync(
        process.execPath,
        ['--import=tsx', '--conditions=@accrete/source', '--input-type=module', '--eval', block],
        {cwd: folder, encoding: 'utf8'},
      );
      expect(stderr).to.equal('');
      expect(status).to.equal(0);
      expect(stdout.trimEnd().split('\n')).to.deep.equal(
        [...block.matchAll(/^\/\/ => (.*)$/gm)].map((match) => match[1]),
      );
    });
  }
});
