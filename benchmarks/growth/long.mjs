// node benchmarks/growth/long.mjs [--tasks 100] [--methods a,b] [--examples 500] [--write]
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
    write: {type: 'boolean', default: false},
  },
});
const [tasks, examples] = [Number(values.tasks), Number(values.examples)];
const names = values.methods?.split(';') ?? Object.keys(methods);
if (names.some((name) => !(name in methods)) || !(tasks >= 20 && tasks <= 127) || !(examples >= 500)) {
  console.error(
    `--methods takes some of ${Object.keys(methods).join('; ')}, parted by ;. --tasks a number from 20 to 127, --examples one from 500.`,
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
      const record = {environment: {node, cpu, engine: program}, tasks, examples, results};
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
  let since;
  let [step, stepCpu] = [0, 0];
  let [accuracies, leaked] = [[], 0];
  for await (const item of run(config, resources)) {
    // Between two progress events there are steps and nothing else.
    if (item.type === 'progress') {
      const now = {step: item.step, wall: performance.now(), cpu: processorMs()};
      if (since !== undefined && now.step > since.step) {
        step = (now.wall - since.wall) / (now.step - since.step);
        stepCpu = (now.cpu - since.cpu) / (now.step - since.step);
      }
      since = now;
    }
    if (item.type === 'evaluation' && item.evalTask === 0) accuracies = [];
    if (item.type === 'evaluation' && item.accuracy !== null) accuracies.push(item.accuracy);
    if (item.type === 'task-end') {
      since = undefined;
      globalThis.gc();
      const {rss} = process.memoryUsage();
      const evaluateMs = item.evaluateMs / (item.task + 1);
      seen.push({step, stepCpu, compile: item.compileMs, evaluate: evaluateMs, bytes: item.parameters.bytes, rss});
    }
    if (item.type === 'run-end') leaked = item.tensorsLeaked;
  }
  // Task 0 warms up, and trains the base alone where tasks bring modules.
  const [first, last] = [seen.slice(1, 11), seen.slice(-10)];
  const both = (key) => [first, last].map((part) => median(part.map((task) => task[key])));
  return {
    step: both('step'),
    stepCpu: both('stepCpu'),
    compile: both('compile'),
    evaluate: both('evaluate'),
    bytesPerTask: (seen.at(-1).bytes - seen[1].bytes) / (seen.length - 2),
    rss: both('rss'),
    accuracy: mean(accuracies),
    leaked,
  };
}

function processorMs() {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}
