import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {among, available, ofTask} from './membership.ts';
import type {Router} from './router.ts';
import {scorePerTask, taskScores} from './scores.ts';

/**
 * Cross-stitch units: each task mixes the modules by coefficients of its own, any real numbers.
 *
 *   alpha[t, j] = a[t, j] + c[t, j],   c = 0 at the start
 *
 *   a[t, j] = 1 / modules                            where the start is even
 *             own for the task's own module, and (1 - own) / (modules - 1) for each of the others
 *
 * A module is a task's own where the task brought it; of modules that are there from the start, the first is the first task's, and
 * so on. Several own modules share `own`, and a task that has none starts even. What is learned is the distance c from the start, so
 * that the start shifts as modules come. Coefficients want a larger learning rate than what they mix.
 *
 * @param options.own share of the task's own module at the start, 0.9 in the paper's best network; null for an even start.
 *
 * Source: Misra et al. 2016, https://arxiv.org/abs/1604.03539, eq. 1; even start as in Ruder et al. 2019 (sluice networks).
 * Deviations: one coefficient for all features of a module; stored as the distance from the start.
 */
export const crossStitch = define({
  kind: 'cross-stitch',
  summary: 'Unnormalised: every task mixes the modules by real coefficients of its own.',
  source: {
    cite: 'Misra et al. 2016, cross-stitch networks',
    url: 'https://arxiv.org/abs/1604.03539',
    deviations: ['one coefficient for all features of a module', 'stored as the distance from the start'],
  },
  options: {
    deviation: z.number().min(0).default(0).describe('standard deviation of the coefficients around their start'),
    own: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .default(null)
      .describe("share of the task's own module at the start; null: all modules share evenly"),
  },
  create: ({deviation, own}): Router => {
    const start = initializers.parse(deviation === 0 ? {kind: 'zeros'} : {kind: 'normal', deviation});
    return {
      level: 'task',
      scores: 'unnormalised',
      gatePerTask: true,
      readsOwn: own !== null,
      active: available,
      gate: () => ({score: scorePerTask(start)}),
      route: (call) => {
        const table = tf.tensor2d(call.membership.map((serves, t) => startOf(serves, call.own?.[t], own ?? 0)));
        return {alpha: among(tf.add(taskScores(call), ofTask(table, call.context.tasks)), call)};
      },
    };
  },
});

/** a of one task. @param serves which modules may take part @param mine which are the task's own; undefined for an even start */
function startOf(serves: readonly boolean[], mine: readonly boolean[] | undefined, share: number): number[] {
  const count = (of: (j: number) => boolean): number => serves.filter((there, j) => there && of(j)).length;
  const isMine = (j: number): boolean => mine?.[j] === true;
  const [own, others] = [count(isMine), count((j) => !isMine(j))];
  if (own === 0 || others === 0) return serves.map(() => 1 / Math.max(1, own + others));
  return serves.map((_, j) => (isMine(j) ? share / own : (1 - share) / others));
}
