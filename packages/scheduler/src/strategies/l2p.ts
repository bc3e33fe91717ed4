import {growModules, reroute} from '@accrete/core';
import {define, type ParsedConfig} from '@accrete/kit';
import * as z from 'zod';
import {ownClasses} from './own-classes.ts';
import {encoder as encoderOption, promptedPlan} from './prompted-encoder.ts';
import type {Strategy} from './strategy.ts';

/**
 * Learning to prompt: a pool of prompts in front of what goes into a frozen encoder; every image takes those whose keys are nearest
 * to what the encoder makes of it without prompts.
 *
 *   q = features of x without prompts;   K(x) = the `count` of all keys with the largest cos(q, k)
 *   loss = cross-entropy(f([P_K(x), embedding of x])) - pull * mean over rows of sum over K(x) of cos(q, k)
 *
 * The pool and its keys are shared: every task trains them. The cross-entropy looks at the logits of the task's own classes only;
 * predictions look at all, and need no task. Head segments of earlier tasks are frozen. The strategy sets routing to `nearest-keys`
 * and aggregation to `input-concatenation`, and needs a network that begins with tokens or patches.
 *
 * @param options.pool M, prompts and keys.
 * @param options.count N, prompts that an image takes.
 * @param options.length L_p, vectors of a prompt; 0 leaves a head alone on the frozen encoder.
 * @param options.pull lambda; 0 leaves keys as they were drawn.
 *
 * Memory: the pool, whatever the number of tasks. A step runs the encoder twice where the query is not kept.
 */
export const l2p = define({
  kind: 'l2p',
  summary: 'L2P: a shared pool of prompts on a frozen encoder; an image takes those whose keys are nearest to it.',
  source: {
    cite: 'Wang et al. 2022 (L2P), eqs. 2 to 5',
    url: 'https://arxiv.org/abs/2112.08654',
    deviations: [
      'no penalty on prompts that earlier tasks took often',
      'what reaches the head is the class token (or mean) of the encoder, not the mean of the prompts',
      'an image takes prompts by itself, never by a vote over the batch',
    ],
  },
  options: {
    pool: z.int().min(1).default(10).describe('prompts, each with a key'),
    count: z.int().min(1).default(4).describe('prompts that an image takes'),
    length: z.int().min(0).default(5).describe('vectors of a prompt; 0: no prompts, a head alone'),
    pull: z.number().min(0).default(1).describe('weight of the loss that pulls keys towards queries'),
    encoder: encoderOption,
  },
  create: ({pool, count, length, pull, encoder}): Strategy => {
    const computation: ParsedConfig = {kind: 'prompt', tokens: length};
    const names = Array.from({length: pool}, (_, j) => String(j));
    return {
      taskSpecific: false,
      mixesTasks: false,
      rehearsalRows: 0,
      plan: (context) =>
        promptedPlan(context, {
          encoder,
          route: (network) =>
            reroute(network, {
              routing: {kind: 'nearest-keys', query: 'network', count, pull, width: network.topology.features},
              aggregation: {kind: 'input-concatenation'},
            }),
          grow: (network, task, first, seeds) =>
            first && length > 0 ? growModules(network, {computation, task, names}, seeds) : null,
          reason: 'the pool of prompts, shared by all tasks',
          shared: ({id}) => !id.startsWith('head/'),
        }),
      step: ownClasses,
    };
  },
});
