import {type AnyDefinition, define, family} from '@accrete/kit';

/** Guesses, from the logits that each task's own path gives for one example, which task the example belongs to. */
export interface TaskInference {
  /** How well an example fits a task; the task with the largest value is taken, the earliest one at a tie. */
  fit(logits: Float32Array): number;
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
    fit: (logits) => {
      // With z = logits - max and S = sum exp z: -H = sum (exp z / S) (z - ln S) = (sum z exp z) / S - ln S.
      const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      let [total, weighted] = [0, 0];
      for (const logit of logits) {
        const part = Math.exp(logit - top);
        total += part;
        if (part > 0) weighted += part * (logit - top);
      }
      return weighted / total - Math.log(total);
    },
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
