// node benchmarks/growth/long.mjs [--tasks 100] [--methods a,b] [--examples 500] [--rounds 8] [--write]
// A long stream of procedural images, two new classes per task, task-incremental. Does a step, a task or a byte cost more at
// the end than at the beginning? Needs a build (npm run build). --write puts the table into long.json and README.md beside this file.
import {spawn} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {mean, median} from '@accrete/report';
import {describeEnvironment, parseRunConfig, run} from '@accrete/scheduler';
import {longTable, writePage} from './page.mjs';

const lora = {kind: 'low-rank', rank: 8};
/** Replay mixes tasks in a batch: with a head per task, all heads are one product in every step. */
const methods = {
  'fine-tuning': {strategy: []},
  'replay, one head': {strategy: [{kind: 'replay', capacity: 1000, batchSize: 10}], head: 'single'},
  'replay, a head per task': {strategy: [{kind: 'replay', capacity: 1000, batchSize: 10}]},
  ewc: {strategy: [{kind: 'ewc', strength: 50, examples: 50}]},
  packnet: {strategy: [{kind: 'packnet', prune: 0.98}]},
  'frozen base': {strategy: [{kind: 'frozen-base'}]},
  'grow, low rank': {strategy: [{kind: 'grow', module: lora}]},
  'grow, low rank in the last layer': {strategy: [{kind: 'grow', module: lora, sites: ['layer1']}]},
  'grow, expert in the last layer': {strategy: [{kind: 'grow', module: {kind: 'dense'}, sites: ['layer1']}]},
};
const {values} = parseArgs({
  options: {
    tasks: {type: 'string', default: '100'},
    examples: {type: 'string', default: '500'},
    methods: {type: 'string'},
    rounds: {type: 'string', default: '8'},
    write: {type: 'boolean', default: false},
  },
});
const [tasks, examples, rounds] = [Number(values.tasks), Number(values.examples), Number(values.rounds)];
const names = values.methods?.split(';') ?? Object.keys(methods);
if (
  names.some((name) => !(name in methods)) ||
  !(tasks >= 20 && tasks <= 127) ||
  !(examples >= 500) ||
  !(rounds >= 1)
) {
  console.error(
    `--methods takes some of ${Object.keys(methods).join('; ')}, parted by ;. --tasks a number from 20 to 127, --examples one from 500, --rounds one from 1.`,
  );
  process.exit(2);
}
if (values.write && (values.methods !== undefined || tasks < 100)) {
  console.error('--write makes the whole table, over at least 100 tasks: leave --methods and --tasks out.');
  process.exit(2);
}
if (globalThis.gc === undefined) {
  const child = spawn(process.execPath, ['--expose-gc', import.meta.filename, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  child.on('exit', (code) => process.exit(code ?? 1));
} else await bench();

async function bench() {
  const source = {kind: 'procedural', classes: 2 * tasks, trainPerClass: examples, testPerClass: 20};
  const dataset = await datasets.parse(source).load();
  const results = [];
  for (const name of names) {
    // An engine of its own, so that no method finds the programs of another compiled.
    const engine = await createEngine({kind: 'onnx', threads: 1});
    const result = {name, ...(await measure(methods[name], source, {engine, dataset}))};
    results.push(result);
    console.error(longTable([result]).split('\n').at(-1));
    if (name === names.at(-1) && values.write) {
      const {node, cpu, engine: program} = describeEnvironment(engine);
      const record = {environment: {node, cpu, engine: program}, tasks, examples, rounds, results};
      writeFileSync(
        join(import.meta.dirname, 'long.json'),
        JSON.stringify(record, (_, x) => (typeof x === 'number' ? Number(x.toPrecision(4)) : x), 2),
      );
      writePage();
    }
    await engine.dispose();
  }
  console.log(longTable(results));
}

/** One run from end to end, and from its checkpoints early and late tasks by turns. */
async function measure({strategy, head = 'auto'}, source, resources) {
  const config = parseRunConfig({
    experiment: 'long',
    label: 'long',
    scenario: 'task-incremental',
    seed: 0,
    strategy,
    head,
    stream: {kind: 'split-classes', dataset: source, tasks, validationFraction: 0},
    network: {kind: 'mlp', hidden: [256, 256]},
    train: {epochs: 1, batchSize: 10, optimizer: {kind: 'sgd', learningRate: 0.05}},
    evaluate: {beforeTraining: false, validation: 'never'},
  });
  const seen = [];
  const starts = [];
  let watch = stopwatch();
  let [intervals, accuracies, leaked] = [[], [], 0];
  for await (const item of run(config, resources)) {
    const interval = watch(item);
    if (interval !== null) intervals.push(interval);
    if (item.type === 'evaluation' && item.evalTask === 0) accuracies = [];
    if (item.type === 'evaluation' && item.accuracy !== null) accuracies.push(item.accuracy);
    if (item.type === 'state' && [...early(), ...late()].includes(item.checkpoint.cursor.task)) {
      starts[item.checkpoint.cursor.task] = item.checkpoint;
    }
    if (item.type === 'task-end') {
      globalThis.gc();
      const {rss} = process.memoryUsage();
      const evaluateMs = item.evaluateMs / (item.task + 1);
      const step = median(intervals.map(({clock}) => clock));
      seen.push({step, compile: item.compileMs, evaluate: evaluateMs, bytes: item.parameters.bytes, rss});
      watch = stopwatch();
      intervals = [];
    }
    if (item.type === 'run-end') leaked = item.tensorsLeaked;
  }
  const both = (key) => [early(), late()].map((part) => median(part.map((task) => seen[task][key])));
  return {
    step: both('step'),
    ...(await byTurns(config, resources, starts)),
    compile: both('compile'),
    evaluate: both('evaluate'),
    bytesPerTask: (seen.at(-1).bytes - seen[1].bytes) / (seen.length - 2),
    rss: both('rss'),
    accuracy: mean(accuracies),
    leaked,
  };
}

// Task 0 warms up, and trains the base alone where tasks bring modules.
function early() {
  return Array.from({length: 10}, (_, i) => i + 1);
}

function late() {
  return early().map((task) => tasks - 11 + task);
}

/**
 * Steps of an early and of a late task, resumed side by side, one stretch of steps of either after one of the other, so that a
 * machine that gets slower or faster in between does so for both.
 *
 * @returns by the processor and by the clock, for each pair of tasks: median of the late one's stretches / median of the early one's.
 */
async function byTurns(config, resources, starts) {
  const pairs = early().map((task, i) => ({tasks: [task, late()[i]], times: [[], []]}));
  for (let round = 0; round < rounds; round++) {
    for (const [i, {tasks, times}] of pairs.entries()) {
      const both = tasks.map((task) => stretches(config, {...resources, resume: starts[task]}));
      // Which of the two goes first changes from pair to pair.
      const order = (round + i) % 2 === 0 ? [0, 1] : [1, 0];
      for (let open = true; open; ) {
        open = false;
        for (const one of order) {
          const {value, done} = await both[one].next();
          if (done) continue;
          open = true;
          if (value !== null) times[one].push(value);
        }
      }
    }
  }
  const ratios = (key) =>
    pairs.map(({times}) => {
      const [first, last] = times.map((part) => median(part.map((time) => time[key])));
      return last / first;
    });
  return {processorRatios: ratios('processor'), clockRatios: ratios('clock')};
}

/** The task that a run resumes at, stretch by stretch of steps: the times of a step in each, null before the first. */
async function* stretches(config, resources) {
  const watch = stopwatch();
  for await (const item of run(config, resources)) {
    // Training has ended; tests of all tasks so far would follow.
    if (item.type === 'frozen-hash') return;
    if (item.type !== 'progress') continue;
    yield watch(item);
    // The other task has had its turn since: what is timed begins here.
    watch(item);
  }
}

/** Times of a step between two progress events, where there are steps and nothing else; null for every other event. */
function stopwatch() {
  let since;
  return (item) => {
    if (item.type !== 'progress') return null;
    const before = since;
    since = {step: item.step, clock: performance.now(), processor: processorMs()};
    const steps = since.step - (before?.step ?? since.step);
    if (steps <= 0) return null;
    return {clock: (since.clock - before.clock) / steps, processor: (since.processor - before.processor) / steps};
  };
}

function processorMs() {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}
