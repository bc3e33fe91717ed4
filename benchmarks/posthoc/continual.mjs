// node benchmarks/posthoc/continual.mjs [--seeds 5] [--epochs 10] [--images 50] [--write]
// Modules of a network that learned Fashion-MNIST as the start of a stream of digits, two classes per task and few images each, beside
// the same stream from scratch. Prints a table; --write puts it into benchmarks/posthoc/README.md and the rows into continual.json.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';

const HIDDEN = [64, 64];
const DENSITY = 0.1;

if (!process.execArgv.some((flag) => flag.startsWith('--conditions'))) {
  const flags = ['--import=tsx', '--conditions=@accrete/source'];
  const child = spawn(process.execPath, [...flags, import.meta.filename, ...process.argv.slice(2)], {stdio: 'inherit'});
  child.on('exit', (code) => process.exit(code ?? 1));
} else await bench();

async function bench() {
  const {values} = parseArgs({
    options: {
      seeds: {type: 'string', default: '5'},
      epochs: {type: 'string', default: '10'},
      images: {type: 'string', default: '50'},
      write: {type: 'boolean', default: false},
    },
  });
  const {createEngine} = await import('@accrete/engine');
  const {datasets} = await import('@accrete/data');
  const engine = await createEngine({kind: 'onnx', threads: 1});
  const fashion = await datasets.parse({kind: 'fashion-mnist'}).load();
  const digits = await datasets.parse({kind: 'mnist-10k'}).load();
  const rows = [];
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const folder = mkdtempSync(join(tmpdir(), 'accrete-continual-'));
    const starts = await startsOf(engine, fashion, folder, seed);
    for (const [name, {start, stored}] of Object.entries(starts)) {
      const measured = await streamFrom(engine, digits, start, seed, values);
      rows.push({start: name, seed, stored, ...measured});
      process.stderr.write(`seed ${seed}, ${name}: ${measured.learning.toFixed(3)}\n`);
    }
    rmSync(folder, {recursive: true});
  }
  await engine.dispose();
  const {continualTable, writeBetween} = await import('./table.mjs');
  const text = continualTable(rows);
  console.log(text);
  if (!values.write) return;
  writeFileSync(join(import.meta.dirname, 'continual.json'), `${JSON.stringify(rows, null, 1)}\n`);
  const note = `${values.seeds} seeds; ${values.images} training images per task, ${values.epochs} epochs, batches of 10.`;
  writeBetween('continual', `${note}\n\n${text}`);
}

/** Trains a source network, finds its modules, writes them, and says how a run starts from each. */
async function startsOf(engine, dataset, folder, seed) {
  const {encodeNetwork, saveModule} = await import('@accrete/core');
  const {seedStream} = await import('@accrete/kit');
  const {examplesOf, extractors, fineTune, libraryModules, planSize, randomLike} = await import('@accrete/posthoc');
  const seeds = seedStream(seed);
  const untrained = await built(dataset, seeds.fork('network'));
  const classes = dataset.classes.map((_, label) => label);
  const data = {name: 'fashion', task: 0, classes, among: 'own', examples: examplesOf(dataset.train, classes, 3000)};
  const {network} = await fineTune({
    engine,
    seeds: seeds.fork('train'),
    network: untrained,
    data,
    budget: {steps: 600, batchSize: 128},
    optimizer: {kind: 'adam', learningRate: 1e-3},
    paths: Object.keys(untrained.parameters),
  });
  const file = (name, of) => {
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, encodeNetwork(of));
    return path;
  };
  const library = join(folder, 'library');
  const saved = (base, plan, name) =>
    libraryModules(base, plan, name).modules.map((module, k) => {
      saveModule(library, `${name}-${k}`, module);
      return {library, name: `${name}-${k}`};
    });
  const context = {engine, seeds: seeds.fork('extract'), origin: untrained};
  const find = (from, config) =>
    extractors.parse({density: DENSITY, where: 'hidden', ...config}).analyse(from, data, context);
  const found = await find(network, {kind: 'snip'});
  const random = randomLike(found, seeds.fork('random'));
  const change = await find(untrained, {kind: 'lt-sft', steps: 200});
  const source = {file: file('source', network)};
  const fresh = {file: file('untrained', untrained)};
  const [mask, chance, delta] = [
    saved(network, found, 'snip'),
    saved(network, random, 'random'),
    saved(untrained, change, 'lt-sft'),
  ];
  const weights = planSize(found).weights;
  const {kept} = planSize(found);
  return {
    scratch: {start: undefined, stored: 0},
    'untrained, frozen': {start: {network: fresh, freeze: 'all'}, stored: 0},
    'whole source, frozen': {start: {network: source, freeze: 'all'}, stored: weights},
    'snip modules, frozen': {start: {network: source, modules: mask, freeze: 'all'}, stored: kept},
    'random modules, frozen': {start: {network: source, modules: chance, freeze: 'all'}, stored: kept},
    'lt-sft modules, frozen': {start: {network: fresh, modules: delta, freeze: 'all'}, stored: planSize(change).kept},
    'whole source, moving': {start: {network: source}, stored: weights},
    'lt-sft modules, base moving': {
      start: {network: fresh, modules: delta, freeze: 'modules'},
      stored: planSize(change).kept,
    },
  };
}

async function built(dataset, seeds) {
  const {architectures} = await import('@accrete/core');
  const input = {kind: 'image', shape: dataset.imageShape, pixels: () => ({mean: [0], sd: [1]})};
  const classes = dataset.classes.map((_, label) => label);
  return architectures.parse({kind: 'mlp', hidden: HIDDEN}).build({input, head: 'single', classes}, seeds);
}

async function streamFrom(engine, dataset, start, seed, {epochs, images}) {
  const {loadStart, parseRunConfig, run} = await import('@accrete/scheduler');
  const config = parseRunConfig({
    experiment: 'continual',
    label: 'start',
    scenario: 'task-incremental',
    seed,
    strategy: [],
    stream: {kind: 'split-classes', dataset: {kind: 'mnist-10k'}, tasks: 5, trainPerTask: Number(images)},
    network: {kind: 'mlp', hidden: HIDDEN, routing: {kind: 'up-to-task'}},
    train: {epochs: Number(epochs), batchSize: 10, optimizer: {kind: 'adam', learningRate: 1e-3}},
    engine: {kind: 'onnx', threads: 1},
    ...(start ? {start} : {}),
  });
  const resources = {engine, dataset, ...(config.start ? {start: loadStart(config.start)} : {})};
  const learned = [];
  const last = [];
  let [cpuMs, trainable] = [0, 0];
  for await (const item of run(config, resources)) {
    if (item.type === 'evaluation' && item.split === 'test' && item.accuracy !== null) {
      if (item.afterTask === item.evalTask) learned[item.evalTask] = item.accuracy;
      if (item.afterTask === 4) last[item.evalTask] = item.accuracy;
    } else if (item.type === 'task-start') trainable = item.parameters.trainable;
    else if (item.type === 'task-end') cpuMs += item.cpuMs ?? 0;
  }
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  return {first: learned[0], learning: mean(learned), final: mean(last), trainable, cpuSeconds: cpuMs / 1000};
}
