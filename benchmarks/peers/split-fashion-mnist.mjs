// npm run bench:peers: one epoch of Split Fashion-MNIST here and as a plain PyTorch loop, in one sitting, one thread each.
// Needs a Python with torch (`pip install torch`); PYTHON names another than python3.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {datasets} from '@accrete/data';
import {createEngine} from '@accrete/engine';
import {parseRunConfig, run} from '@accrete/scheduler';

const ROUNDS = 3;
const REPEATS = 3;
const python = process.env.PYTHON ?? 'python3';
try {
  execFileSync(python, ['-c', 'import torch'], {stdio: 'ignore'});
} catch {
  console.error(`${python} has no torch. Run \`pip install torch\`, or set PYTHON to a Python that has it.`);
  process.exit(2);
}

const dataset = await datasets.parse({kind: 'fashion-mnist'}).load({report: console.error});
const engine = await createEngine({kind: 'onnx', threads: 1});

async function ours(seed) {
  const config = parseRunConfig({
    experiment: 'peers',
    label: 'fine-tuning',
    scenario: 'class-incremental',
    seed,
    strategy: [],
    head: 'single',
    stream: {kind: 'split-classes', dataset: {kind: 'fashion-mnist'}, tasks: 5, validationFraction: 0},
    network: {kind: 'mlp', hidden: [256, 256]},
    train: {epochs: 1, batchSize: 128, optimizer: {kind: 'sgd', learningRate: 0.1}},
    evaluate: {beforeTraining: false, validation: 'never'},
  });
  const began = performance.now();
  const accuracies = [];
  for await (const item of run(config, {engine, dataset})) {
    if (item.type === 'evaluation' && item.afterTask === 4) accuracies.push(item.accuracy);
  }
  const mean = accuracies.reduce((a, b) => a + b, 0) / accuracies.length;
  return {seconds: (performance.now() - began) / 1000, accuracy: mean};
}

const folder = mkdtempSync(join(tmpdir(), 'accrete-peers-'));
const times = {ours: [], torch: []};
try {
  for (const split of ['train', 'test']) {
    writeFileSync(join(folder, `${split}-images`), dataset[split].images);
    writeFileSync(join(folder, `${split}-labels`), dataset[split].labels);
  }
  let accuracy;
  let torch;
  await ours(0);
  // Turn and turn about, so that both meet the same noise.
  for (let round = 0; round < ROUNDS; round++) {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const result = await ours(repeat);
      times.ours.push(result.seconds);
      accuracy = result.accuracy;
    }
    const script = join(import.meta.dirname, 'split_fashion_mnist.py');
    torch = JSON.parse(execFileSync(python, [script, folder, String(REPEATS)], {encoding: 'utf8'}));
    times.torch.push(...torch.seconds);
  }
  const show = (name, values, final) =>
    console.log(
      `${name.padEnd(24)} median ${median(values).toFixed(2)} s  (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})  final accuracy ${final.toFixed(3)}`,
    );
  console.log(
    'Split Fashion-MNIST, 60,000 images once, 784-256-256-10, batch 128, SGD 0.1, 10,000 evaluated after each of 5 tasks',
  );
  show(`Accrete (onnx, 1 thread)`, times.ours, accuracy);
  show(`PyTorch ${torch.version}`, times.torch, torch.accuracy);
  console.log(`ratio of medians ${(median(times.ours) / median(times.torch)).toFixed(2)}`);
} finally {
  rmSync(folder, {recursive: true, force: true});
  await engine.dispose();
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
