// node benchmarks/peers/frozen-base.mjs [--cases a,b] [--rounds 5] [--write]: a module and a head per task on a frozen base, here and
// as a plain PyTorch loop, in one sitting, turn and turn about, one thread each. Both sides have the very same base, start modules and
// heads from the very same numbers and take the same batches, so that nothing but rounding and speed may differ. Needs a build
// (npm run build) and a Python with torch (`pip install torch`); PYTHON names another than python3. --write keeps the results in
// frozen-base.json, and makes frozen-base.md of all that are kept there.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {loadavg, tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {seedStream} from '@accrete/kit';
import {mean} from '@accrete/report';
import {parseRunConfig, run, streams} from '@accrete/scheduler';
import {line, page} from './frozen-page.mjs';

const [TASKS, EPOCHS, TRAIN, BATCH, RATE] = [5, 20, 2000, 128, 0.001];
const settings = {tasks: TASKS, epochs: EPOCHS, train: TRAIN, batch: BATCH, rate: RATE};
const networks = {
  mlp: {kind: 'mlp', hidden: [1024, 1024, 1024, 64]},
  encoder: {kind: 'transformer', width: 64, layers: 4, heads: 4, feedForward: 128, pooling: 'mean', patch: 7},
};
const adapter = {kind: 'adapter', bottleneck: 16, start: 'mam'};
const lora = {kind: 'low-rank', rank: 8};

/** Which base, and which module stands where on it. */
const cases = {
  'mlp-adapter': {
    what: 'MLP 784-1024-1024-1024-64, adapter behind the last layer',
    network: 'mlp',
    module: adapter,
    sites: ['layer3'],
  },
  'mlp-lora': {what: 'the same MLP, LoRA in the last layer', network: 'mlp', module: lora, sites: ['layer3']},
  'mlp-lora-everywhere': {
    what: 'the same MLP, LoRA in every layer',
    network: 'mlp',
    module: lora,
    sites: ['layer0', 'layer1', 'layer2', 'layer3'],
  },
  'encoder-adapter': {
    what: 'encoder, 4 layers of width 64, 16 patches, adapter behind the last block',
    network: 'encoder',
    module: adapter,
    sites: ['layer3/feed-forward-block'],
  },
  'encoder-lora': {
    what: 'the same encoder, LoRA in the last projection',
    network: 'encoder',
    module: lora,
    sites: ['layer3/down'],
  },
  'encoder-lora-attention': {
    what: 'the same encoder, LoRA in query and value of the last layer',
    network: 'encoder',
    module: lora,
    sites: ['layer3/query', 'layer3/value'],
  },
};

const {values: options} = parseArgs({
  options: {
    cases: {type: 'string', default: Object.keys(cases).join()},
    rounds: {type: 'string', default: '5'},
    write: {type: 'boolean', default: false},
  },
});
const wanted = options.cases.split(',');
const rounds = Number(options.rounds);
const unknown = wanted.filter((name) => !(name in cases));
if (unknown.length > 0 || !(Number.isInteger(rounds) && rounds >= 1)) {
  console.error(`--cases takes some of ${Object.keys(cases).join(', ')}; --rounds a whole number from 1.`);
  process.exit(2);
}
const python = process.env.PYTHON ?? 'python3';
try {
  execFileSync(python, ['-c', 'import torch'], {stdio: 'ignore'});
} catch {
  console.error(`${python} has no torch. Run \`pip install torch\`, or set PYTHON to a Python that has it.`);
  process.exit(2);
}

const dataset = await datasets.parse({kind: 'fashion-mnist'}).load({report: console.error});
/** The run of one case and seed. @param epochs of every task */
function configOf({network, module, sites}, seed, epochs = EPOCHS) {
  return parseRunConfig({
    experiment: 'peers',
    label: 'frozen base',
    scenario: 'task-incremental',
    seed,
    strategy: [{kind: 'grow', module, sites}],
    stream: {
      kind: 'split-classes',
      dataset: {kind: 'fashion-mnist'},
      tasks: TASKS,
      validationFraction: 0,
      trainPerTask: TRAIN,
    },
    network: networks[network],
    train: {epochs, batchSize: BATCH, optimizer: {kind: 'adam', learningRate: RATE}},
    evaluate: {beforeTraining: false, validation: 'never'},
  });
}

/** A run on an engine of its own, which finds nothing compiled. */
async function* runAlone(config, resume) {
  const engine = await createEngine({kind: 'onnx', threads: 1});
  try {
    yield* run(config, {engine, dataset, ...(resume && {resume})});
  } finally {
    await engine.dispose();
  }
}

/** The state after the first task, which trains the base and nothing else, and how well it does on that task. */
async function baseOf(config) {
  let accuracy = null;
  for await (const item of runAlone(config)) {
    if (item.type === 'evaluation' && item.evalTask === 0) accuracy = item.accuracy;
    if (item.type === 'state' && item.checkpoint.cursor.task === 1) return {checkpoint: item.checkpoint, accuracy};
  }
  throw new Error('the run ended in its first task.');
}

/** Seconds of every later task, accuracies at the end, and the network then. */
async function later(config, resume) {
  const [tasks, accuracies] = [[], []];
  let {network} = resume;
  for await (const item of runAlone(config, resume)) {
    if (item.type === 'task-end') tasks.push({clock: item.durationMs / 1000, processor: item.cpuMs / 1000});
    if (item.type === 'evaluation' && item.afterTask === TASKS - 1) accuracies.push(item.accuracy);
    if (item.type === 'state') network = item.checkpoint.network;
  }
  return {tasks, accuracies, network};
}

/** Writes what the plain loop needs: every parameter as it starts, and the images of every epoch in order. */
function writeStart(folder, {parameters}, config) {
  const shapes = {};
  for (const [index, [path, {shape, data}]] of Object.entries(parameters).entries()) {
    shapes[path] = {shape, file: `parameter-${index}`};
    writeFileSync(join(folder, `parameter-${index}`), data);
  }
  writeFileSync(join(folder, 'start.json'), JSON.stringify(shapes));
  const seeds = seedStream(config.seed);
  const {tasks} = streams.parse(config.stream).build(dataset, config.scenario, seeds.fork('stream'));
  const orders = tasks.map(({index, examples: {train}}) =>
    Array.from({length: EPOCHS}, (_, epoch) => {
      const order = seeds.fork('shuffle', 'task', index, 'phase', 0, 'epoch', epoch).permutation(train.length);
      return Array.from(order, (i) => train[i]);
    }),
  );
  writeFileSync(join(folder, 'orders.json'), JSON.stringify(orders));
}

function torch(folder, {network, module, sites}) {
  const script = join(import.meta.dirname, 'frozen_base.py');
  const plan = JSON.stringify({network: networks[network], module, sites, ...settings});
  return JSON.parse(execFileSync(python, [script, folder, plan], {encoding: 'utf8'}));
}

/** One case on a base: here, then there. */
async function round(folder, chosen, seed, base) {
  const config = configOf(chosen, seed);
  const untrained = await later(configOf(chosen, seed, 0), base.checkpoint);
  writeStart(folder, untrained.network, config);
  const ours = await later(config, base.checkpoint);
  const theirs = torch(folder, chosen);
  // One example of 2,000 may lie on the boundary.
  if (!(Math.abs(theirs.first - base.accuracy) < 0.0011)) {
    throw new Error(`the base gives ${base.accuracy} here and ${theirs.first} there: these are two networks.`);
  }
  return {ours, theirs};
}

/** By round: seconds of all later tasks, by the processor and on the clock, and their mean accuracy at the end. */
function summary(runs) {
  const of = (clock) => runs.map(({tasks}) => tasks.reduce((sum, task) => sum + task[clock], 0));
  const accuracy = runs.map(({accuracies}) => mean(accuracies.slice(1)));
  return {processor: of('processor'), clock: of('clock'), accuracy};
}

/** Puts results among those that are kept, and makes the page of all. */
function keep(results) {
  const file = join(import.meta.dirname, 'frozen-base.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const all = {...before, ...results};
  const sorted = Object.fromEntries(Object.keys(cases).flatMap((name) => (name in all ? [[name, all[name]]] : [])));
  const rounded = JSON.stringify(sorted, (_, x) => (typeof x === 'number' ? Number(x.toPrecision(5)) : x), 2);
  writeFileSync(file, `${rounded}\n`);
  writeFileSync(join(import.meta.dirname, 'frozen-base.md'), page(sorted, settings));
}

const folder = mkdtempSync(join(tmpdir(), 'accrete-peers-'));
try {
  for (const split of ['train', 'test']) {
    writeFileSync(join(folder, `${split}-images`), dataset[split].images);
    writeFileSync(join(folder, `${split}-labels`), dataset[split].labels);
  }
  for (const network of Object.keys(networks)) {
    const names = wanted.filter((name) => cases[name].network === network);
    const found = Object.fromEntries(names.map((name) => [name, {ours: [], torch: [], load: []}]));
    for (let seed = 0; seed < rounds && names.length > 0; seed++) {
      // No module is there yet, so that one base serves all cases.
      const base = await baseOf(configOf(cases[names[0]], seed));
      const results = {};
      for (const name of names) {
        const {ours, theirs} = await round(folder, cases[name], seed, base);
        found[name].ours.push(ours);
        found[name].torch.push(theirs);
        found[name].load.push(loadavg()[0]);
        const {load, ...sides} = found[name];
        const [own, other] = [summary(sides.ours), summary(sides.torch)];
        results[name] = {what: cases[name].what, version: theirs.version, load, ours: own, torch: other};
        console.log(line(results[name]));
      }
      if (options.write) keep(results);
    }
  }
} finally {
  rmSync(folder, {recursive: true, force: true});
}
