import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect} from 'chai';
import {accrete, inFolder} from './support/accrete.ts';

/** Writes down every module that a program loads. */
const hooks = `
  import {appendFileSync} from 'node:fs';
  export const load = (url, context, next) => {
    appendFileSync(process.env.ACCRETE_TEST_LOADED, url + '\\n');
    return next(url, context);
  };
`;

/** The packages of ours, and the folders in node_modules, of which something is loaded. */
async function loadedBy(folder: string, args: readonly string[]): Promise<ReadonlySet<string>> {
  const [list, hooksFile, registering] = ['loaded.txt', 'hooks.mjs', 'register.mjs'].map((name) => join(folder, name));
  writeFileSync(list!, '');
  writeFileSync(hooksFile!, hooks);
  writeFileSync(
    registering!,
    `import {register} from 'node:module'; register(${JSON.stringify(pathToFileURL(hooksFile!))});`,
  );
  const {code, err} = await accrete(folder, args, {
    NODE_OPTIONS: `--import=${pathToFileURL(registering!)}`,
    ACCRETE_TEST_LOADED: list!,
  });
  expect(code, err).to.equal(0);
  const names = readFileSync(list!, 'utf8').matchAll(/(?:packages|node_modules)\/((?:@[^/\n]+\/)?[^/\n]+)/g);
  return new Set(Array.from(names, ([, name]) => name!));
}

describe('accrete loads what a command needs when it is asked for', function () {
  this.timeout(60_000);

  it('nothing of ours but the command line for its help and its version', () =>
    inFolder(async (folder) => {
      for (const args of [['--help'], ['--version']])
        expect([...(await loadedBy(folder, args))], args.join(' ')).to.have.members(['cli', 'commander']);
    }));

  it('no report and no analysis to begin a run, and no network to write a report', () =>
    inFolder(async (folder) => {
      const run = await loadedBy(folder, ['run', '--help']);
      expect([...run]).to.include.members(['cli', 'kit', 'scheduler']);
      expect([...run]).to.not.include.oneOf(['report', 'posthoc', 'vega']);
      const report = await loadedBy(folder, ['report', '--help']);
      expect([...report]).to.include.members(['cli', 'kit', 'report']);
      expect([...report]).to.not.include.oneOf(['core', 'engine', 'scheduler', '@tensorflow']);
    }));
});
