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
 * Runs the first ```ts block of a package's README.md as an ES module in the package's folder, with the options of this process.
 *
 * @param folder of the package.
 * @throws Error where there is no such block.
 */
export function readmeExample(folder: string): ReadmeExample {
  const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))?.[1];
  if (code === undefined) throw new Error(`${folder}/README.md has no \`\`\`ts block.`);
  const args = [...process.execArgv, '--input-type=module', '--eval', code];
  const {stdout, stderr} = spawnSync(process.execPath, args, {cwd: folder, encoding: 'utf8'});
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  return {
    printed: [...lines(stdout), ...lines(stderr)],
    promised: [...code.matchAll(/\/\/ prints: (.*)/g)].map(([, text]) => text!),
  };
}
