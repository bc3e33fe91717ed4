// node benchmarks/core/interference.mjs [--conflicts labels] [--dial 0,0.25,0.5,1] [--seeds 5] [--steps 300] [--networks a,b] [--write] [--resume]
// The interference dial: eight tasks over Fashion-MNIST at 14 x 14, of which each renames a share of the classes in its own way
// (labels), or moves a share of the pixels (pixels). At 0 all tasks are one and sharing is free data; at 1 they have little in
// common. Every network is told the task as one-hot input; all but the separate ones answer with the same ten logits. Needs a build.
import {diagnoseRouting, drawTasks, gradientConflict, taskSamplings} from '@accrete/core';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {hostArray, seedStream} from '@accrete/kit';
import {mean} from '@accrete/report';
import {evaluate, networkOf, train, weightsOf} from './joint.mjs';
import {names, numbers, optionsOf, whole} from './options.mjs';
import {openRecord} from './record.mjs';
import {differences, markdown, predicted, shown, twoSided} from './tables.mjs';

const [TASKS, CLASSES, SIDE] = [8, 10, 14];
const [PIXELS, WIDTH] = [SIDE * SIDE, SIDE * SIDE + TASKS];
const [TRAINED, TESTED, ROWS] = [1000, 250, 128]; // Examples of each task; rows of a batch.
const HIDDEN = [64, 64];
const WIDE = [275, 275]; // As many weights as eight networks of 64.
const OPTIMIZER = {kind: 'adam', learningRate: 3e-3};
const EVERY_TASK = Array.from({length: TASKS}, (_, t) => t);
const EVERY_CLASS = Array.from({length: CLASSES}, (_, c) => c);
const [WIDE_SHARED, SEPARATE] = ['wide shared', 'separate'];

/** Networks by name: what stands at their sites, who chooses it, and how it joins. */
const NETWORKS = {
  shared: {architecture: mlp()},
  [WIDE_SHARED]: {architecture: mlp({hidden: WIDE})},
  'cross-stitch': {architecture: mlp({routing: {kind: 'cross-stitch'}}), ...dense(TASKS)},
  MMoE: {architecture: mlp({routing: {kind: 'softmax', gates: 'per-task'}}), ...dense(4)},
  'noisy top-2 MoE': {architecture: mlp({routing: {kind: 'noisy-top-k', k: 2}}), ...dense(4)},
  Polytropon: {
    architecture: mlp({routing: {kind: 'polytropon'}, aggregation: {kind: 'parameter-average'}}),
    module: {kind: 'low-rank', rank: 8},
    names: inventory(4),
  },
  [SEPARATE]: {architecture: mlp({routing: {kind: 'by-task'}}), module: {kind: 'dense'}, head: 'per-task'},
};

const {
  conflicts,
  dial: dials,
  steps,
  networks,
  ...how
} = optionsOf({
  conflicts: {...names(['labels', 'pixels']), default: 'labels'},
  dial: numbers([0, 0.25, 0.5, 1], (share) => share >= 0 && share <= 1, 'shares from 0 to 1'),
  seeds: whole(5, {to: 20}),
  steps: whole(300, {to: 1_000_000}),
  networks: names(Object.keys(NETWORKS)),
});
const dataset = await datasets.parse({kind: 'fashion-mnist'}).load({report: console.error});
const pixels = {train: halved(dataset.train), test: halved(dataset.test)};
const engine = await createEngine({kind: 'onnx', threads: 1});
const settings = {
  hidden: HIDDEN,
  wide: WIDE,
  trained: TRAINED,
  tested: TESTED,
  rows: ROWS,
  steps,
  optimizer: OPTIMIZER,
};
const record = openRecord('interference', settings, engine, how);
for (let seed = 0; seed < how.seeds; seed++)
  for (const conflict of conflicts) {
    for (const dial of dials) await compare(conflict, dial, seed);
  }
await engine.dispose();
record.close(conflicts.flatMap((conflict) => dials.map((dial) => section(conflict, dial))).join('\n\n'));

/** Trains every network on the same eight tasks, by the same batches. */
async function compare(conflict, dial, seed) {
  const seeds = seedStream(seed, 'interference', conflict, dial);
  const missing = networks.filter((network) => !record.has({conflict, dial, network}, seed));
  if (missing.length === 0) return;
  const examples = examplesOf(conflict, dial, seeds);
  const sampling = taskSamplings.create({kind: 'uniform'}).probabilities(EVERY_TASK.map(() => TRAINED));
  const drawn = (stream) => {
    const tasks = Array.from(drawTasks(sampling, ROWS, stream));
    return examples(
      'train',
      tasks.map((task) => [task, task * TRAINED + stream.integer(TRAINED)]),
    );
  };
  const tested = examples(
    'test',
    EVERY_TASK.flatMap((task) => Array.from({length: TESTED}, (_, i) => [task, task * TESTED + i])),
  );
  for (const name of missing) {
    const {head = 'single', ...plan} = NETWORKS[name];
    const purpose = {input: {kind: 'vector', features: WIDTH}, head, classes: EVERY_CLASS};
    const network = networkOf(plan, purpose, EVERY_TASK, seeds.fork('network'));
    const draw = (step) => drawn(seeds.fork('batch', step));
    const request = {engine, network, tasks: EVERY_TASK, optimizer: OPTIMIZER, rows: ROWS, steps, draw, seeds};
    const trained = await train(request);
    const {mean: accuracy, byTask, routes} = await evaluate({engine, ...trained, batch: tested});
    const alpha = routes.layer1;
    const diagnosis = alpha && diagnoseRouting(alpha, tested.tasks);
    const pull =
      name === SEPARATE
        ? null
        : await gradientConflict({engine, ...trained, rows: ROWS}, drawn(seeds.fork('conflict')));
    record.add({conflict, dial, network: name}, seed, {
      weights: weightsOf(network),
      accuracy,
      worst: Math.min(...byTask),
      specialisation: diagnosis?.specialisation?.specialisation ?? null,
      conflicting: pull?.conflicting ?? null,
    });
    process.stderr.write(`${conflict} ${dial}, seed ${seed}, ${name}: ${accuracy.toFixed(3)}\n`);
  }
}

/** The examples of the eight tasks: a batch of pairs of a task and a place in a random order of the split. */
function examplesOf(conflict, dial, seeds) {
  const shareOf = (kind) => (kind === conflict ? dial : 0);
  const renamed = EVERY_TASK.map((task) => rotation(CLASSES, shareOf('labels'), seeds.fork('classes', task)));
  const moved = EVERY_TASK.map((task) => rotation(PIXELS, shareOf('pixels'), seeds.fork('pixels', task)));
  const order = Object.fromEntries(
    ['train', 'test'].map((split) => [split, seeds.fork(split, 'examples').permutation(dataset[split].labels.length)]),
  );
  return (split, places) => {
    const x = new Float32Array(places.length * WIDTH);
    const labels = places.map(([task, place], r) => {
      const row = order[split][place];
      for (let p = 0; p < PIXELS; p++) x[r * WIDTH + moved[task][p]] = pixels[split][row * PIXELS + p];
      x[r * WIDTH + PIXELS + task] = 1;
      return renamed[task][dataset[split].labels[row]];
    });
    return {x: hostArray(x, [places.length, WIDTH], 'float32'), labels, tasks: places.map(([task]) => task)};
  };
}

/** A share of the places, drawn at random, each going to the next one drawn; the others stay. */
function rotation(size, share, seeds) {
  const drawn = [...seeds.permutation(size)].slice(0, Math.round(share * size));
  const places = Array.from({length: size}, (_, i) => i);
  drawn.forEach((place, k) => {
    places[place] = drawn[(k + 1) % drawn.length];
  });
  return places;
}

/** Images of 28 x 28 bytes as means of 2 x 2, in [0, 1]. */
function halved({images, labels}) {
  const out = new Float32Array(labels.length * PIXELS);
  for (let e = 0; e < labels.length; e++) {
    for (let r = 0; r < SIDE; r++) {
      for (let c = 0; c < SIDE; c++) {
        const at = e * 784 + 2 * r * 28 + 2 * c;
        out[(e * SIDE + r) * SIDE + c] = (images[at] + images[at + 1] + images[at + 28] + images[at + 29]) / 1020;
      }
    }
  }
  return out;
}

function mlp(options = {}) {
  return {kind: 'mlp', hidden: HIDDEN, aggregation: {kind: 'mixture'}, ...options};
}

function dense(modules) {
  return {module: {kind: 'dense'}, names: inventory(modules)};
}

function inventory(modules) {
  return Array.from({length: modules}, (_, j) => String(j));
}

function section(conflict, dial) {
  const found = record.found((key) => key.conflict === conflict && key.dial === dial && networks.includes(key.network));
  const accuracy = (name) => found.find(({key}) => key.network === name)?.figures.accuracy;
  const [alone, wide] = [accuracy(SEPARATE), accuracy(WIDE_SHARED)];
  const percent = {factor: 100, digits: 1};
  const rows = found.map(({key: {network}, figures}) => {
    const transfer = alone && network !== SEPARATE ? differences(figures.accuracy, alone) : null;
    return [
      network,
      String(mean(figures.weights)),
      shown(figures.accuracy, percent),
      transfer ? `${shown(transfer, percent)} (p ${twoSided(transfer)})` : '-',
      shown(figures.worst, percent),
      wide && network !== WIDE_SHARED ? predicted(differences(figures.accuracy, wide)) : '-',
      shown(figures.specialisation),
      shown(figures.conflicting, percent),
    ];
  });
  const head = [
    'network',
    'weights',
    'accuracy',
    'transfer',
    'worst task',
    'above wide shared',
    'specialisation',
    'conflicting',
  ];
  const what = conflict === 'labels' ? 'of the classes renamed' : 'of the pixels moved';
  return `#### ${100 * dial} % ${what}\n\n${markdown([head, ...rows])}`;
}
