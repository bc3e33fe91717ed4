import {define, hostArray, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Initializer} from '../parameters/initializers.ts';
import {indianBuffetPrior} from './indian-buffet.ts';
import {among, available, masked, ofTask} from './membership.ts';
import {logistic, perturbed} from './noise.ts';
import type {RouteCall, Router} from './router.ts';
import {scorePerTask} from './scores.ts';

/** U(-1e-3, 1e-3) */
const small: Initializer = {
  fill: (shape, _, seeds) =>
    hostArray(
      Float32Array.from({length: sizeOf(shape)}, () => (2 * seeds.uniform() - 1) * 1e-3),
      shape,
      'float32',
    ),
};

/**
 * Polytropon: every task has a subset of the inventory, learned as relaxed bits.
 *
 *   b_j = sigmoid((z[t, j] + ln u - ln(1 - u)) / temperature) in training,   sigmoid(z[t, j]) in evaluation
 *   alpha_j = b_j / (sum_i b_i + 1e-12)
 *
 * With a prior, an auxiliary loss favours few modules that tasks share:
 *
 *   prior   -prior ln p(Z),   the Indian buffet process of the allocation of all tasks on the path
 *
 * With heads, the features at a site are cut into as many equal groups, and b and alpha are of each group by itself: z[t, j] has one
 * number per head, the prior is the sum of those of the heads. What a group is, is up to the aggregation.
 *
 * z starts at U(-1e-3, 1e-3): all tasks share all modules at first. Together with parameter aggregation of low-rank modules,
 * which averages A and B apart, this is the Polytropon of the paper.
 *
 * @param options.temperature of the relaxed Bernoulli distribution.
 * @param options.prior weight of the Indian buffet prior; 0 leaves it out.
 * @param options.heads groups of features; with more than one this is multi-head routing, and alpha is the mean over the heads.
 *
 * Source: Ponti et al. 2023, https://arxiv.org/abs/2202.13914, section 3; heads: Caccia et al. 2023,
 * https://arxiv.org/abs/2211.03831, section 3.1, as PEFT computes them (`n_splits`). Deviations: none.
 */
export const polytropon = define({
  kind: 'polytropon',
  summary: 'Soft: each task learns a subset of the modules as relaxed bits, normalised.',
  source: {
    cite: 'Ponti et al. 2023, Polytropon; heads: Caccia et al. 2023, multi-head routing',
    url: 'https://arxiv.org/abs/2202.13914',
  },
  options: {
    temperature: z.number().positive().default(1).describe('of the relaxed bits in training'),
    prior: z.number().min(0).default(0).describe('weight of the Indian buffet prior over allocations'),
    heads: z.int().min(1).default(1).describe('groups of features with allocations of their own'),
  },
  create: ({temperature, prior, heads}): Router => ({
    level: 'task',
    scores: 'soft',
    gatePerTask: true,
    heads,
    active: available,
    gate: () => ({score: {...scorePerTask(small), shape: [heads]}}),
    route: (call) => {
      const {context} = call;
      const table = allocations(call); // [tasks, heads, modules]
      const own = heads === 1 ? tf.squeeze(table, [1]) : table;
      const noisy = perturbed(masked(ofTask(own, context.tasks), call), call, 'task', logistic);
      const training = context.noise !== null;
      const bits = among(tf.sigmoid(training && temperature !== 1 ? tf.div(noisy, temperature) : noisy), call);
      const shares = tf.div(bits, tf.add(tf.sum(bits, -1, true), 1e-12));
      const route = heads === 1 ? {alpha: shares} : {alpha: tf.mean(shares, -2), heads: shares};
      if (prior === 0) return route;
      const priors = Array.from({length: heads}, (_, h) =>
        indianBuffetPrior(tf.squeeze<tf.Tensor2D>(tf.slice(table, [0, h, 0], [-1, 1, -1]), [1])),
      );
      return {...route, auxiliary: {prior: tf.mul(tf.addN(priors), -prior)}};
    },
  }),
});

/** z of all tasks, [tasks, heads, modules]. */
function allocations({gates}: RouteCall): tf.Tensor {
  return tf.stack(
    gates.map((row) =>
      tf.stack(
        row.map(({score}) => score!),
        1,
      ),
    ),
  );
}
