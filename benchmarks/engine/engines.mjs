// node benchmarks/engine/engines.mjs [--engines onnx,tensorflow,wasm] [--out runs] (after `npm run build`)
// The runs of engines.yaml on every engine that is here: final accuracies side by side, and whether they differ by more than
// seeds do. Ends with 1 where they do.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {findEngines} from '@accrete/engine';
import {readRun} from '@accrete/kit';
import {defineExperiment, executeLocally, runName} from '@accrete/scheduler';
import {parse} from 'yaml';

const {values} = parseArgs({
  options: {engines: {type: 'string', default: 'onnx,tensorflow,wasm'}, out: {type: 'string', default: 'runs'}},
});
const found = await findEngines();
const kinds = values.engines.split(',').filter((kind) => {
  const engine = found.find((other) => other.kind === kind);
  if (engine?.available) return true;
  console.log(
    `${kind} is left out: ${engine?.reason ?? `there is no such engine; known: ${found.map((e) => e.kind)}`}`,
  );
  return false;
});
if (kinds.length < 2) {
  console.error('There is nothing to compare: name at least two engines that are here.');
  process.exit(2);
}

const input = parse(readFileSync(join(import.meta.dirname, 'engines.yaml'), 'utf8'));
/** Kind -> label -> final accuracies by seed. */
const accuracies = {};
for (const kind of kinds) {
  const {runs, name} = defineExperiment(input, {'engine.kind': kind});
  const jobs = runs.map((config) => ({config, folder: join(values.out, `${name}-${kind}`, runName(config))}));
  const began = process.hrtime.bigint();
  const results = await executeLocally(jobs, {jobs: 2}, {});
  const failed = results.find(({status}) => status === 'failed');
  if (failed) throw new Error(`a run on ${kind} failed: ${failed.message}`);
  accuracies[kind] = {};
  const named = new Set();
  for (const {config, folder} of jobs) {
    const record = readRun(folder);
    named.add(`${record.environment.engine.kind}, ${JSON.stringify(record.environment.engine.versions)}`);
    accuracies[kind][config.label] ??= [];
    accuracies[kind][config.label][config.seed] = finalAccuracy(record);
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(`${kind}: ${jobs.length} runs in ${seconds.toFixed(0)} s; env.json says ${[...named].join(' and ')}`);
}

const [first, ...others] = kinds;
console.log(
  `\nFinal accuracy over all tasks, mean and sample sd over seeds; largest difference to ${first} at the same seed\n`,
);
console.log(
  ['', ...kinds.map((kind) => kind.padStart(18)), ...others.map((kind) => `max |d| ${kind}`.padStart(18))].join(
    ' '.padEnd(2),
  ),
);
let apart = 0;
for (const label of Object.keys(accuracies[first])) {
  const cells = kinds.map((kind) => {
    const {mean, sd} = summary(accuracies[kind][label]);
    return `${mean.toFixed(4)} ± ${sd.toFixed(4)}`.padStart(18);
  });
  const base = summary(accuracies[first][label]);
  const gaps = others.map((kind) => {
    if (Math.abs(summary(accuracies[kind][label]).mean - base.mean) > base.sd) apart++;
    const gap = Math.max(...accuracies[kind][label].map((a, seed) => Math.abs(a - accuracies[first][label][seed])));
    return gap.toFixed(4).padStart(18);
  });
  console.log([label.padEnd(12), ...cells, ...gaps].join(' '));
}
console.log(
  apart === 0
    ? '\nNo mean differs by more than one standard deviation over seeds.'
    : `\n${apart} means differ by more than one standard deviation over seeds.`,
);
process.exit(apart === 0 ? 0 : 1);

function finalAccuracy({events}) {
  const last = Math.max(...events.filter(({type}) => type === 'task-end').map(({task}) => task));
  const own = events.filter(
    ({type, split, afterTask}) => type === 'evaluation' && split === 'test' && afterTask === last,
  );
  return own.reduce((sum, {accuracy}) => sum + accuracy, 0) / own.length;
}

function summary(numbers) {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const sd = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (numbers.length - 1));
  return {mean, sd};
}
