// What the experiments here have in common: networks of a plan, joint training to the end, evaluation.
import {
  architectures,
  computations,
  growGates,
  growHead,
  growModules,
  jointEvaluator,
  jointTrainer,
  networkSize,
  pathOf,
} from '@accrete/core';

/**
 * A fresh network.
 *
 * @param plan its architecture; and the modules that stand there from the start, by name, at `sites` or wherever they can; or, where
 *   there are no names, one of each task.
 */
export function networkOf({architecture, module, names, sites}, purpose, tasks, seeds) {
  const base = architectures.parse(architecture).build(purpose, seeds);
  const shared = {computation: module && computations.validate(module), ...(sites ? {sites} : {})};
  const growths = !module ? [] : names ? [{...shared, task: null, names}] : tasks.map((task) => ({...shared, task}));
  const grown = growths.reduce((network, growth) => growModules(network, growth, seeds).network, base);
  const gated = growGates(grown, tasks, seeds).network;
  return tasks.reduce((network, task) => growHead(network, task, purpose.classes, seeds).network, gated);
}

/**
 * Trains a network on all its tasks together.
 *
 * @param draw the batch of a step
 * @param steps how many
 */
export async function train({engine, network, tasks, optimizer, rows, steps, draw, seeds}) {
  const path = pathOf(network.topology, tasks, network.topology.head.segments);
  const trainer = await jointTrainer({engine, network, path, rows, optimizer});
  try {
    for (let step = 0; step < steps; step++) await trainer.step(draw(step), seeds.fork('noise', step));
    return {network: (await trainer.snapshot()).network, path};
  } finally {
    trainer.dispose();
  }
}

/** Accuracy on a batch, the accuracy of each task, and the routes. */
export async function evaluate({engine, network, path, batch}) {
  const evaluator = await jointEvaluator(engine, network, path, batch.x.shape[0]);
  try {
    const {predictions, routes} = await evaluator.evaluate(batch);
    const right = predictions.map((label, r) => Number(label === batch.labels[r]));
    return {...meansByTask(right, batch.tasks, path.tasks.length), routes};
  } finally {
    evaluator.dispose();
  }
}

/** The mean of values, one of each row, and that of each task's rows. */
export function meansByTask(values, tasks, count) {
  const sums = Array.from({length: count}, () => [0, 0]);
  values.forEach((value, r) => {
    sums[tasks[r]][0] += value;
    sums[tasks[r]][1] += 1;
  });
  const total = sums.reduce((sum, [own]) => sum + own, 0);
  return {mean: total / values.length, byTask: sums.map(([sum, rows]) => sum / rows)};
}

/** Weights on the path of the tasks together: bases that mixtures replace are not on any. */
export function weightsOf({topology, parameters}) {
  const replaced = topology.sites.filter(
    ({modules, aggregation}) => modules.length > 0 && aggregation.kind === 'mixture',
  );
  const idle = replaced.map(({base}) => `${base.id}/`);
  const used = Object.entries(parameters).filter(([path]) => !idle.some((prefix) => path.startsWith(prefix)));
  return networkSize({topology, parameters: Object.fromEntries(used)});
}
