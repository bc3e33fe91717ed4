import {define, HarnessError, seedStream} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {available, wholly} from './membership.ts';
import type {RouteCall, Router} from './router.ts';

/**
 * Fixed routing by hash: one of the modules that are there when a task comes, chosen by a hash (SHA-256) of a salt and
 *
 *   task    the task's index: all its examples take that module
 *   token   the token's id: alpha [batch, positions, modules] is 1 for the token's module, 0 for the others
 *
 * A baseline that knows nothing: what learned routing must beat. By token, whatever stands in front of a text (a class token, prompts)
 * goes the way of one more id; padding is a token like any other.
 *
 * @param options.level what is hashed. Tokens need a text, and sites where its positions are still apart.
 * @param options.salt another one gives another assignment.
 *
 * Source: Roller et al. 2021 (hash layers), https://arxiv.org/abs/2106.04426, section 3.1, random hash. Deviations: by task, hashes the
 * task.
 */
export const hash = define({
  kind: 'hash',
  summary: "Fixed: one module, chosen by a hash of the task's index or of each token's id.",
  source: {
    cite: 'Roller et al. 2021, hash layers',
    url: 'https://arxiv.org/abs/2106.04426',
    deviations: ['by task, hashes the index of the task'],
  },
  options: {
    level: z.enum(['task', 'token']).default('task').describe('what is hashed'),
    salt: z.int().min(0).default(0).describe('another salt, another assignment'),
  },
  create: ({level, salt}): Router => {
    if (level === 'token') {
      const route: Router['route'] = (call) => ({alpha: byToken(call, salt)});
      return {level, scores: 'fixed', readsTokens: true, active: available, route};
    }
    return {
      level,
      scores: 'fixed',
      active: (inventory, task) => {
        const choices = available(inventory, task);
        if (choices.length === 0) return [];
        return [choices[seedStream(salt, 'hash', task).integer(choices.length)]!];
      },
      route: wholly,
    };
  },
});

/** 1 for the module of each position's token, [batch, positions, modules]. */
function byToken({h, tokens, membership, context}: RouteCall, salt: number): tf.Tensor {
  const [batch, length] = (tokens?.ids.shape ?? []) as [number?, number?];
  const front = h.rank === 3 && length !== undefined ? h.shape[1]! - length : -1;
  if (tokens === null || batch === undefined || front < 0) {
    throw new HarnessError(
      'E_COMBINATION',
      'hash by token needs the positions of a text, and the hidden state here has none. Hash by task, or put modules where tokens are still apart.',
      {shape: h.shape},
    );
  }
  const modules = membership[0]!.length;
  const ids = tokens.vocabulary + 1; // the last one for what stands in front
  const table = membership.flatMap((serves) => {
    const choices = serves.flatMap((there, j) => (there ? [j] : []));
    return Array.from({length: ids}, (_, id) => {
      const choice =
        choices.length === 0 ? -1 : choices[seedStream(salt, 'hash', 'token', id).integer(choices.length)]!;
      return Array.from({length: modules}, (_, j) => Number(j === choice));
    });
  }); // [tasks * ids, modules]
  const own = tf.cast(tokens.ids, 'int32');
  const whole = front === 0 ? own : tf.concat([tf.fill([batch, front], ids - 1, 'int32'), own], 1);
  const tasks = context.tasks && tf.mul(tf.cast(tf.expandDims(context.tasks, 1), 'int32'), tf.scalar(ids, 'int32'));
  const rows = tf.reshape(tasks === null ? whole : tf.add(whole, tasks), [-1]);
  return tf.reshape(tf.gather(tf.tensor2d(table), rows as tf.Tensor1D), [batch, front + length!, modules]);
}
