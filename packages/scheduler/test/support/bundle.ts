import {createRequire} from 'node:module';
import {dirname} from 'node:path';

/** The part of esbuild that is used here; it comes with tsx, which runs these tests. */
interface Bundler {
  buildSync(options: Readonly<Record<string, unknown>>): unknown;
}

/**
 * A program of these tests as one plain JavaScript file, which starts in a fifth of the time.
 *
 * @param into below this package, where its dependencies are found.
 */
export function bundle(source: string, into: string): void {
  const require = createRequire(import.meta.url);
  const {buildSync} = createRequire(require.resolve('tsx/package.json'))('esbuild') as Bundler;
  const banner = `import {createRequire as accreteRequire} from 'node:module'; const require = accreteRequire(${JSON.stringify(import.meta.url)});`;
  buildSync({
    entryPoints: [source],
    outfile: into,
    absWorkingDir: dirname(source),
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    conditions: ['@accrete/source'],
    external: ['onnxruntime-node', '@tensorflow/*'],
    banner: {js: banner},
    logLevel: 'error',
  });
}
