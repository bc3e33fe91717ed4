// node benchmarks/core/peft.mjs [--networks mlp,transformer] [--budgets 0.5,2,8] [--seeds 3] [--pretrain 500] [--steps 200] [--write] [--resume]
// Few parameters on a frozen base. A network learns Fashion-MNIST's classes 0 to 4; then it meets classes 5 to 9, 1000 images of
// them, with modules of at most 0.5, 2 and 8 % of its weights (the new head aside, which every method learns), beside full
// fine-tuning, a linear probe, and a random mask, a random low rank (LoRA whose A is not learned) and a random subspace of the same
// sizes. Needs a build.
import {
  architectures,
  computations,
  freeze,
  growHead,
  growModules,
  networkSize,
  pathOf,
  segmentsFor,
} from '@accrete/core';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {hostArray, seedStream, sizeOf} from '@accrete/kit';
import {mean} from '@accrete/report';
import {evaluate, train} from './joint.mjs';
import {names, numbers, optionsOf, whole} from './options.mjs';
import {openRecord} from './record.mjs';
import {differences, markdown, predicted, shown} from './tables.mjs';

const [OLD, NEW] = [
  [0, 1, 2, 3, 4],
  [5, 6, 7, 8, 9],
];
const [TRAINED, TESTED, ROWS] = [1000, 2000, 64];
const [FULL, PROBE, MASK, LOW_RANK, SUBSPACE] = [
  'full fine-tuning',
  'linear probe',
  'random mask',
  'random low rank',
  'random subspace',
];

const NETWORKS = {
  mlp: {kind: 'mlp', hidden: [256, 256]},
  transformer: {kind: 'transformer', width: 64, layers: 2, heads: 4, feedForward: 128, patch: 7},
};
const INNER = {mlp: [['layer*']], transformer: [['*/query', '*/key', '*/value', '*/output', '*/up', '*/down']]};
const RATES = {pretraining: 1e-3, [FULL]: 1e-3, [PROBE]: 3e-3};

/**
 * A method: the module of a size (whole numbers from 1; none where there is but one size), where it stands, its learning rate. Of
 * several lists of sites the first is taken at which a module of size 1 is within the budget: all layers, or else the last alone.
 */
const METHODS = {
  LoRA: {
    module: (rank) => ({kind: 'low-rank', rank}),
    sites: {
      mlp: [['layer*'], ['layer1']],
      transformer: [
        ['*/query', '*/value'],
        ['layer1/query', 'layer1/value'],
      ],
    },
    rate: 3e-3,
  },
  adapter: {
    module: (bottleneck) => ({kind: 'adapter', bottleneck}),
    sites: {mlp: [['layer*'], ['layer1']], transformer: [['*/feed-forward-block'], ['layer1/feed-forward-block']]},
    rate: 3e-3,
  },
  prefix: {
    module: (length) => ({kind: 'prefix', length, inner: null}),
    sites: {transformer: [['*/attention'], ['layer1/attention']]},
    rate: 1e-2,
  },
  [MASK]: {module: (size) => ({kind: 'sparse-delta', density: size / 10_000}), sites: INNER, rate: 3e-3},
  [LOW_RANK]: {module: (rank) => ({kind: 'low-rank', rank, down: 'fixed'}), sites: INNER, rate: 3e-3},
  [SUBSPACE]: {module: (size) => ({kind: 'intrinsic-dimension', dimension: 4 * size}), sites: INNER, rate: 3e-3},
  '(IA)3': {
    module: () => ({kind: 'ia3'}),
    sites: {mlp: [['layer*']], transformer: [['*/key', '*/value', '*/up']]},
    rate: 1e-2,
  },
  BitFit: {module: () => ({kind: 'bitfit'}), rate: 1e-2},
};

const {networks, budgets, pretrain, steps, ...how} = optionsOf({
  networks: names(Object.keys(NETWORKS)),
  budgets: numbers([0.5, 2, 8], (percent) => percent > 0 && percent <= 100, 'percentages above 0, up to 100'),
  seeds: whole(3, {to: 20}),
  pretrain: whole(500, {to: 1_000_000}),
  steps: whole(200, {to: 1_000_000}),
});
const dataset = await datasets.parse({kind: 'fashion-mnist'}).load({report: console.error});
const engine = await createEngine({kind: 'onnx', threads: 1});
const rates = {...RATES, ...Object.fromEntries(Object.entries(METHODS).map(([method, {rate}]) => [method, rate]))};
const settings = {architectures: NETWORKS, trained: TRAINED, tested: TESTED, rows: ROWS, pretrain, steps, rates};
const record = openRecord('peft', settings, engine, how);
for (let seed = 0; seed < how.seeds; seed++) for (const network of networks) await adapt(network, seed);
await engine.dispose();
record.close(networks.map(section).join('\n\n'));

/** Trains a base on the old classes, and adapts it to the new ones by every method. */
async function adapt(network, seed) {
  const plans = Object.entries(METHODS).filter(([, {sites}]) => !sites || sites[network]);
  const keys = [
    ...[FULL, PROBE].map((method) => ({network, method, budget: null})),
    ...plans.flatMap(([method, plan]) => budgetsOf(plan).map((budget) => ({network, method, budget}))),
  ];
  const missing = keys.filter((key) => !record.has(key, seed));
  if (missing.length === 0) return;
  const seeds = seedStream(seed, 'peft', network);
  const {base, size} = await pretrained(network, seeds);
  const frozen = freeze(base, ({id}) => id !== 'head/segment:1').network;
  const rows = rowsWith(dataset.train, NEW, seeds.fork('new')).slice(0, TRAINED);
  const test = batchOf(dataset.test, 1, rowsWith(dataset.test, NEW, seeds.fork('test')).slice(0, TESTED));
  for (const key of missing) {
    const {method, budget} = key;
    const start = startOf({network, method, budget, base, frozen, size}, seeds.fork('network'));
    if (start === null) {
      record.add(key, seed, {share: null, accuracy: null});
      continue;
    }
    const trained = await trainOn(start.network, 1, rows, {steps, rate: rates[method], seeds});
    const {mean: accuracy} = await evaluate({engine, ...trained, batch: test});
    record.add(key, seed, {share: learnedIn(start.network, start.learned) / size, accuracy});
    process.stderr.write(`${network}, seed ${seed}, ${method} ${budget ?? ''}: ${accuracy.toFixed(3)}\n`);
  }
}

/** Methods of one size have no budget. */
function budgetsOf({module}) {
  return module.length === 0 ? [null] : budgets;
}

/** A network that has learned the old classes and has a fresh head for the new ones; and how many weights it has but for heads. */
async function pretrained(name, seeds) {
  const input = {kind: 'image', shape: dataset.imageShape, pixels: () => ({mean: [], sd: []})};
  const fresh = architectures
    .parse(NETWORKS[name])
    .build({input, head: 'per-task', classes: [...OLD, ...NEW]}, seeds.fork('network'));
  const headed = [OLD, NEW].reduce(
    (network, classes, task) => growHead(network, task, classes, seeds.fork('network')).network,
    fresh,
  );
  const rows = rowsWith(dataset.train, OLD, seeds.fork('old'));
  const {network} = await trainOn(headed, 0, rows, {steps: pretrain, rate: RATES.pretraining, seeds});
  return {base: network, size: networkSize(fresh)};
}

/** The network that a method starts from, and the owners that count as learned; null where its smallest module is too large. */
function startOf({network, method, budget, base, frozen, size}, seeds) {
  if (method === FULL) return {network: base, learned: base.topology.sites.map((site) => site.base.id)};
  if (method === PROBE) return {network: frozen, learned: []};
  const {module, sites} = METHODS[method];
  const grown = (moduleSize, places) => {
    const computation = computations.validate(module(moduleSize));
    const {network: whole, added} = growModules(frozen, {task: 1, computation, ...places}, seeds);
    return {network: whole, learned: added};
  };
  const alternatives = sites ? sites[network].map((patterns) => ({sites: patterns})) : [{}];
  if (budget === null) return grown(1, alternatives[0]);
  const within = (moduleSize, places) => {
    const {network: whole, learned} = grown(moduleSize, places);
    return learnedIn(whole, learned) <= (budget / 100) * size;
  };
  const places = alternatives.find((some) => within(1, some));
  if (places === undefined) return null;
  return grown(
    largest((moduleSize) => within(moduleSize, places)),
    places,
  );
}

/** The largest whole number up to 10,000 of which something holds that holds of 1, and of all below one of which it holds. */
function largest(holds) {
  let [low, high] = [1, 2];
  while (high < 10_000 && holds(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Learned numbers of some owners: buffers are none, and of what has a support only what lies on it counts. */
function learnedIn({topology, parameters}, ids) {
  const path = pathOf(topology, 1, segmentsFor(topology, 1));
  const buffers = new Set(path.buffers.map((local) => path.bind[local]));
  const own = Object.keys(parameters).filter((at) => !buffers.has(at) && ids.some((id) => at.startsWith(`${id}/`)));
  return own.reduce((sum, at) => {
    const support = parameters[`${at}-support`];
    return sum + (support ? support.data.reduce((a, b) => a + b, 0) : sizeOf(parameters[at].shape));
  }, 0);
}

async function trainOn(network, task, rows, {steps: many, rate, seeds}) {
  const draw = (step) => {
    const own = seeds.fork('batch', task, step);
    return batchOf(
      dataset.train,
      task,
      Array.from({length: ROWS}, () => rows[own.integer(rows.length)]),
    );
  };
  const optimizer = {kind: 'adam', learningRate: rate};
  return await train({engine, network, tasks: [0, 1], optimizer, rows: ROWS, steps: many, draw, seeds});
}

/** Rows of a split as a batch of one of the two tasks. */
function batchOf(split, task, rows) {
  const pixels = sizeOf(dataset.imageShape);
  const x = new Uint8Array(rows.length * pixels);
  rows.forEach((row, r) => {
    x.set(split.images.subarray(row * pixels, (row + 1) * pixels), r * pixels);
  });
  const labels = rows.map((row) => split.labels[row]);
  return {x: hostArray(x, [rows.length, pixels], 'uint8'), labels, tasks: labels.map(() => task)};
}

function rowsWith(split, classes, seeds) {
  return Array.from(seeds.permutation(split.examples)).filter((row) => classes.includes(split.labels[row]));
}

function section(network) {
  const found = record.found((key) => key.network === network);
  const figuresOf = (method, budget) => found.find(({key}) => key.method === method && key.budget === budget)?.figures;
  const cells = (method, budget, beside) => {
    const figures = figuresOf(method, budget);
    if (!figures || figures.accuracy.includes(null)) return ['-', '-', '-'];
    const against = beside && figuresOf(beside, budget);
    return [
      `${(100 * mean(figures.share)).toFixed(2)} %`,
      shown(figures.accuracy, {factor: 100, digits: 1}),
      against ? predicted(differences(figures.accuracy, against.accuracy)) : '-',
    ];
  };
  const whole = [FULL, PROBE, '(IA)3', 'BitFit'].map((method) => [method, '', ...cells(method, null, null)]);
  const sized = Object.entries(METHODS).filter(
    ([method, {module}]) => module.length > 0 && found.some(({key}) => key.method === method),
  );
  const rows = budgets.flatMap((budget) =>
    sized.map(([method]) => [method, `${budget} %`, ...cells(method, budget, method === MASK ? null : MASK)]),
  );
  const head = ['method', 'at most', 'learned', 'accuracy', `above ${MASK}`];
  return `#### ${network}\n\n${markdown([head, ...whole, ...rows])}`;
}
