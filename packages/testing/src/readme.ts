import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

/** What a README's example does, beside what it says that it does. */
export interface ReadmeExample {
  /** Lines on stdout, and on stderr where there are any. */
  readonly printed: readonly string[];
  /** The texts of its `// prints: ...` comments. */
  readonly promised: readonly string[];
}

/**
 * Runs a ```ts block of a package's README.md as an ES module in the package's folder, with the options of this process.
 *
 * @param folder of the package.
 * @param place of the block among those of its kind, from 0.
 * @throws Error where there is no such block.
 */
export function readmeExample(folder: string, place = 0): ReadmeExample {
  const code = readmeExamples(folder)[place];
  if (code === undefined) {
    const wanted = place === 0 ? 'no ```ts block' : `no \`\`\`ts block at place ${place}`;
    throw new Error(`${folder}/README.md has ${wanted}.`);
  }
  const args = [...process.execArgv, '--input-type=module', '--eval', code];
  const {stdout, stderr} = spawnSync(process.execPath, args, {cwd: folder, encoding: 'utf8'});
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  return {
    printed: [...lines(stdout), ...lines(stderr)],
    promised: [...code.matchAll(/\/\/ prints: (.*)/g)].map(([, text]) => text!),
  };
}

/** The code of all ```ts blocks of a package's README.md. @param folder of the package */
export function readmeExamples(folder: string): readonly string[] {
  const text = readFileSync(join(folder, 'README.md'), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}
