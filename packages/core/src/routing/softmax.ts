import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {among} from './membership.ts';
import type {Router} from './router.ts';
import {learnedScores, scoreOptions} from './scores.ts';

/**
 * Soft routing: alpha = softmax(scores / temperature) over the modules.
 *
 * `task`: a score per task and module, z[t, j]. `example`: g_j . h with h averaged over positions (and tasks may have gates of
 * their own, which is MMoE). `token`: g_j . h at every position of a sequence.
 *
 * @param options.level what alpha depends on.
 * @param options.temperature divides the scores; 1 leaves them.
 * @param options.gates `shared` by all tasks, or one set `per-task`; scores by task are always per task.
 *
 * Source: Jacobs et al. 1991; per-task gates: Ma et al. 2018, MMoE, https://dl.acm.org/doi/10.1145/3219819.3220007.
 * Deviations: gates start small and random, so that modules of equal start are told apart.
 */
export const softmaxRouter = define({
  kind: 'softmax',
  summary: 'Soft: a softmax over learned scores, per task, example or token.',
  source: {
    cite: 'Jacobs et al. 1991; per-task gates: Ma et al. 2018, MMoE',
    url: 'https://dl.acm.org/doi/10.1145/3219819.3220007',
    deviations: ['gates start small and random, so that modules of equal start are told apart'],
  },
  options: {...scoreOptions, temperature: z.number().positive().default(1).describe('divides the scores')},
  create: ({temperature, ...options}): Router => {
    const scores = learnedScores(options);
    return {
      ...scores.router,
      scores: 'soft',
      route: (call) => {
        const logits = scores.of(call);
        return {alpha: among(tf.softmax(temperature === 1 ? logits : tf.div(logits, temperature)), call)};
      },
    };
  },
});
