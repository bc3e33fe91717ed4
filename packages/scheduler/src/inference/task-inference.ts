import {type AnyDefinition, define, family} from '@accrete/kit';

/** Guesses, from the logits that each task's own path gives for one example, which task the example belongs to. */
export interface TaskInference {
  /** How well an example fits a task; the task with the largest value is taken, the earliest one at a tie. */
  fit(logits: Float32Array): number;
}

/** Softmax of logits, shifted by their largest. */
export function softmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const parts = Float64Array.from(logits, (l) => Math.exp(l - top));
  const total = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / total);
}

/** The task whose softmax has the lowest entropy, H = -sum p ln p [nats]. */
export const lowestEntropy = define({
  kind: 'lowest-entropy',
  summary: 'The task whose softmax over its own classes has the lowest entropy.',
  source: {
    cite: 'Wortsman et al. 2020, entropy as the objective of task inference',
    url: 'https://arxiv.org/abs/2006.14769',
    deviations: ['every path is computed; no gradient over superposed masks'],
  },
  options: {},
  create: (): TaskInference => ({
    fit: (logits) => softmax(logits).reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0),
  }),
});

/** The task with the largest single logit. */
export const largestLogit = define({
  kind: 'largest-logit',
  summary: 'The task that has the largest logit of all.',
  source: {cite: 'house baseline: concatenate the logits of all paths, take the largest'},
  options: {},
  create: (): TaskInference => ({fit: (logits) => logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)}),
});

/** Ways to infer the task of an example where the scenario withholds it. All work on one example at a time. */
export const taskInferences = family<TaskInference>()('task inference', [
  lowestEntropy,
  largestLogit,
] as const satisfies readonly AnyDefinition<TaskInference>[]);
