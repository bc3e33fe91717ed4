import {type Growth, type Network, reroute} from '@accrete/core';
import {define, HarnessError, type ParsedConfig} from '@accrete/kit';
import * as z from 'zod';
import {growAll} from './grow-all.ts';
import {ownClasses} from './own-classes.ts';
import {encoder as encoderOption, promptedPlan} from './prompted-encoder.ts';
import type {Strategy} from './strategy.ts';

/**
 * Complementary prompting: prefixes in a frozen encoder, general ones that all tasks train in some layers, and one expert per task in
 * others. An image takes the expert whose key is nearest to what the encoder makes of it without prompts.
 *
 *   q = features of x without prompts;   expert(x) = argmax_t cos(q, k_t) in predictions, the task's own while training
 *   loss = cross-entropy - pull * mean over rows and sum over expert layers of cos(q, k_own)
 *
 * Experts, keys and head segments of earlier tasks are frozen. The cross-entropy looks at the logits of the task's own classes only;
 * predictions look at all, and need no task; one that is given narrows the choice to experts up to it. The strategy sets routing to
 * `nearest-keys` and aggregation to `input-concatenation` where experts come. Rows that another strategy rehearses run with the
 * expert of the task under way.
 *
 * @param options.general sites of general prompts; none: experts alone.
 * @param options.experts sites of expert prompts.
 * @param options.generalLength, expertLength positions of a prefix; 0 for none, and both 0 leaves a head alone on the encoder.
 * @param options.pull lambda.
 *
 * Memory: one expert and key per task and expert layer.
 */
export const dualPrompt = define({
  kind: 'dual-prompt',
  summary: 'DualPrompt: general prefixes for all tasks and an expert per task, chosen by key, in a frozen encoder.',
  source: {
    cite: 'Wang et al. 2022 (DualPrompt), section 4',
    url: 'https://arxiv.org/abs/2204.04799',
    deviations: [
      "each expert layer has keys of its own, as in CODA-Prompt's code",
      'the layers are given, not searched',
    ],
  },
  options: {
    general: z.array(z.string().min(1)).default(['layer0/attention']).describe('ids of sites, * for any characters'),
    experts: z
      .array(z.string().min(1))
      .min(1)
      .default(['layer1/attention'])
      .describe('ids of sites, * for any characters'),
    generalLength: z.int().min(0).default(3).describe('positions of a general prefix; 0: none'),
    expertLength: z.int().min(0).default(10).describe('positions of an expert prefix; 0: none'),
    pull: z.number().min(0).default(1).describe('weight of the loss that pulls keys towards queries'),
    encoder: encoderOption,
  },
  create: ({general, experts, generalLength, expertLength, pull, encoder}): Strategy => {
    const aggregation = {kind: 'input-concatenation'};
    const prefix = (length: number): ParsedConfig => ({kind: 'prefix', length, inner: null});
    const generals = generalLength === 0 ? [] : general;
    const own = expertLength === 0 ? [] : experts;
    return {
      taskSpecific: false,
      mixesTasks: false,
      rehearsalRows: 0,
      plan: (context) =>
        promptedPlan(context, {
          encoder,
          route: (network) => {
            const {features: width} = network.topology;
            const keyed = {kind: 'nearest-keys', query: 'network', training: 'own', pull, width};
            const routed = reroute(network, {routing: keyed, aggregation, sites: own});
            return reroute(routed, {routing: {kind: 'up-to-task'}, aggregation, sites: generals});
          },
          grow: (network, task, first, seeds) => {
            const growths: Growth[] = [];
            if (first && generals.length > 0)
              growths.push({computation: prefix(generalLength), task, names: [GENERAL], sites: generals});
            if (own.length > 0) growths.push({computation: prefix(expertLength), task, sites: own});
            if (growths.length === 0) return null;
            const grown = growAll(network, growths, seeds);
            if (first) requireApart(grown.network);
            return grown;
          },
          reason: 'every task brings an expert prompt; the first one general prompts, too',
          shared: ({id}) => id.endsWith(`/module:${GENERAL}`),
        }),
      step: ownClasses,
    };
  },
});

const GENERAL = 'general';

function requireApart({topology}: Network): void {
  const both = topology.sites.filter(({modules}) => modules.length > 1).map(({id}) => id);
  if (both.length === 0) return;
  const message = `general and expert prompts are both asked for at ${both.join(', ')}, where one router decides. Give them sites of their own.`;
  throw new HarnessError('E_COMBINATION', message, {both});
}
