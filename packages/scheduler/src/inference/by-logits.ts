import {define} from '@accrete/kit';
import type {LogitInference} from './task-inference.ts';

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
  create: (): LogitInference => ({
    from: 'logits',
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
  create: (): LogitInference => ({
    from: 'logits',
    fit: (logits) => logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  }),
});
