import {existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {registerBackend} from '@tensorflow/tfjs-core';
import {build} from 'esbuild';
import {registerMappings} from '../../src/trace/mappings.ts';
import {excluded, excludedFiles} from './exclusions.ts';
import {around, installJasmine, suites} from './jasmine.ts';
import {ReadableBackend} from './readable-backend.ts';

const BACKEND = 'accrete-readable';
const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core'));

installJasmine();
registerBackend(BACKEND, () => new ReadableBackend());
registerMappings(BACKEND);
await loadSpecs(process.argv[2] ?? '');
await report();

/** Bundles the spec files, with Jasmine's place taken by the functions above, and loads them. */
async function loadSpecs(filter: string): Promise<void> {
  const files = readdirSync(join(dist, 'ops'))
    .filter((file) => file.endsWith('_test.js') && !(file in excludedFiles) && file.includes(filter))
    .map((file) => `./ops/${file}`);
  const entry = [
    "import './register_all_gradients';",
    "import './public/chained_ops/register_all_chained_ops';",
    "import {setTestEnvs} from './jasmine_util';",
    `setTestEnvs([{name: 'traced', backendName: '${BACKEND}', flags: {}, isDataSync: true}]);`,
  ];
  const {outputFiles} = await build({
    stdin: {contents: [...entry, ...files.map((file) => `await import('${file}');`)].join('\n'), resolveDir: dist},
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    external: ['util', 'crypto', 'node-fetch', 'worker_threads'],
    banner: {js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url);"},
    plugins: [
      {
        name: 'no-jasmine',
        setup(bundler) {
          bundler.onResolve({filter: /jasmine-core/}, () => ({path: 'jasmine', namespace: 'shim'}));
          bundler.onLoad({filter: /.*/, namespace: 'shim'}, () => ({contents: 'export const core = () => ({});'}));
        },
      },
    ],
  });
  const folder = mkdtempSync(join(tmpdir(), 'accrete-upstream-'));
  try {
    const path = join(folder, 'specs.mjs');
    writeFileSync(path, outputFiles[0]!.contents);
    await import(pathToFileURL(path).href);
  } finally {
    if (existsSync(folder)) rmSync(folder, {recursive: true});
  }
}

async function report(): Promise<void> {
  const unmapped = new Map<string, number>();
  const refused = new Map<string, number>();
  const failures: string[] = [];
  const expected = new Map<string, number>();
  const seen = new Set<string>();
  let passed = 0;
  for (const suite of suites) {
    if (suite.specs.length === 0) continue;
    for (const {before} of around(suite)) for (const hook of before) await hook();
    for (const spec of suite.specs) {
      const name = spec.name.replace(' traced {}', '');
      const exclusion = excluded.find(({pattern}) => pattern.test(name));
      try {
        await spec.run();
        if (exclusion !== undefined && !exclusion.sometimes)
          failures.push(`${name}: passes, so take it off the exclusions`);
        passed++;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const kernel =
          /^Kernel '(\w+)' not registered/.exec(message)?.[1] ?? /tfjs kernel "([^"]+)" has no/.exec(message)?.[1];
        const refusal = /^E_TRACE: (.{0,60})/.exec(message)?.[1];
        if (exclusion !== undefined) expected.set(exclusion.reason, (expected.get(exclusion.reason) ?? 0) + 1);
        else if (kernel !== undefined) unmapped.set(kernel, (unmapped.get(kernel) ?? 0) + 1);
        else if (refusal !== undefined) refused.set(refusal, (refused.get(refusal) ?? 0) + 1);
        else failures.push(`${name}: ${message.slice(0, 300)}`);
        if (exclusion !== undefined) seen.add(exclusion.reason);
      }
    }
    for (const {after} of around(suite).toReversed()) for (const hook of after) await hook();
  }
  const total = (counts: Map<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
  const list = (counts: Map<string, number>): string =>
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([what, n]) => `  ${n}  ${what}`)
      .join('\n');
  console.log(`kernels without a mapping: ${total(unmapped)} specs\n${list(unmapped)}`);
  console.log(`refused while tracing, as documented: ${total(refused)} specs\n${list(refused)}`);
  console.log(`known differences: ${total(expected)} specs\n${list(expected)}`);
  console.log(
    `files left out:\n${Object.entries(excludedFiles)
      .map(([file, why]) => `  ${file}: ${why}`)
      .join('\n')}`,
  );
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(
    `${passed} passed, ${failures.length} failed, ${total(unmapped) + total(refused) + total(expected)} skipped`,
  );
  process.exitCode = failures.length > 0 ? 1 : 0;
}
