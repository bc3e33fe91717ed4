import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect} from 'chai';
import {withKernelTable} from '../scripts/kernel-table.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

describe('the README', () => {
  it('lists the mapped kernels as they are: else run scripts/kernel-table.ts', () => {
    expect(readme).to.include('| unary |');
    expect(withKernelTable(readme)).to.equal(readme);
  });

  it('has examples that run: an MLP, a CNN and a transformer, which learn', async () => {
    const code = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block).join('\n');
    const path = join(import.meta.dirname, `readme-${process.pid}.mts`);
    const lines: string[] = [];
    const {log} = console;
    try {
      writeFileSync(path, code);
      console.log = (...words: unknown[]) => lines.push(words.join(' '));
      await import(pathToFileURL(path).href);
    } finally {
      console.log = log;
      rmSync(path, {force: true});
    }
    for (const name of ['mlp', 'cnn', 'transformer']) {
      const [first, last] = lines.filter((line) => line.startsWith(name)).map((line) => Number(line.split(' ').at(-1)));
      expect(last!, lines.join('; ')).to.be.lessThan(0.9 * first!);
    }
  });
});
