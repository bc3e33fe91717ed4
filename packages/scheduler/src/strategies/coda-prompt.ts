import {type Grown, growModules, type Network, reroute, withParameters} from '@accrete/core';
import {define, type HostArray, hostArray, type ParsedConfig, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {orthonormal} from './orthonormal.ts';
import {ownClasses} from './own-classes.ts';
import {encoder as encoderOption, promptedPlan} from './prompted-encoder.ts';
import type {StepContext, StepPart, Strategy} from './strategy.ts';

/**
 * Decomposed attention-based prompting: a prefix of each image's own in a frozen encoder, the sum of components weighed by how well
 * their keys match what the encoder makes of the image without prompts.
 *
 *   q = features of x without prompts;   alpha_m = cos(q ∘ a_m, k_m);   prefix(x) = sum_m alpha_m p_m
 *   penalty = orthogonality * sum over sites and B in {K, A, P} of mean((B B^T - I)^2)          rows of B: one per component
 *
 * Every task brings components of its own; those of earlier tasks, with a_m and k_m, are frozen and go on taking part. New ones start
 * with length 1, at right angles to each other and to all earlier ones at their site. The cross-entropy looks at the logits of the task's
 * own classes only; predictions look at all, and need no task. The strategy sets routing to `component-attention` and aggregation to
 * `parameter-average`.
 *
 * @param options.components of each task, at each site (M / T in the paper).
 * @param options.length positions of the prefix; 0 leaves a head alone on the frozen encoder.
 * @param options.orthogonality lambda; earlier components are constants in it.
 *
 * Memory: per task, site and component a prefix and two vectors as long as the query.
 */
export const codaPrompt = define({
  kind: 'coda-prompt',
  summary:
    'CODA-Prompt: prefixes summed from components that every task adds, weighed by attended keys; frozen encoder.',
  source: {
    cite: 'Smith et al. 2023 (CODA-Prompt), eqs. 3 to 7',
    url: 'https://arxiv.org/abs/2211.13218',
    deviations: [
      'each task brings a given number of components: the number of tasks need not be known',
      'components past the dimension of their space start as drawn',
    ],
  },
  options: {
    components: z.int().min(1).default(4).describe('of each task, at each site'),
    length: z.int().min(0).default(4).describe('positions of the prefix; 0: no prompts, a head alone'),
    sites: z.array(z.string().min(1)).min(1).default(['*/attention']).describe('ids of sites, * for any characters'),
    orthogonality: z.number().min(0).default(0.1).describe('weight of the penalty on components that are alike'),
    encoder: encoderOption,
  },
  create: ({components, length, sites, orthogonality, encoder}): Strategy => {
    const computation: ParsedConfig = {kind: 'prefix', length, inner: null};
    return {
      taskSpecific: false,
      mixesTasks: false,
      rehearsalRows: 0,
      plan: (context) =>
        promptedPlan(context, {
          encoder,
          route: (network) =>
            reroute(network, {
              routing: {kind: 'component-attention', query: 'network', width: network.topology.features},
              aggregation: {kind: 'parameter-average'},
              sites,
            }),
          grow: (network, task, _, seeds) => {
            if (length === 0) return null;
            const names = Array.from({length: components}, (_, m) => `${task}-${m}`);
            return orthogonalStart(growModules(network, {computation, task, names, sites}, seeds), task);
          },
          reason: 'every task brings components of prompts',
          shared: () => false,
        }),
      step: (context) => {
        const own = ownClasses(context);
        if (orthogonality === 0) return own;
        return {...own, ...apart(context, orthogonality), key: {'coda-prompt': orthogonality, own: own.key}};
      },
    };
  },
});

/** What a component is made of: the parts of its gate, and its prefix, keys and values together. */
const facets = ['key', 'attention', 'prefix'] as const;

/** Names of the arrays of a component's facet. @param module, gate where it and its gate are */
function arraysOf(facet: (typeof facets)[number], module: string, gate: string): readonly string[] {
  return facet === 'prefix' ? [`${module}/keys`, `${module}/values`] : [`${gate}/${facet}`];
}

/** The components of a task made orthonormal, and at right angles to earlier ones at their site. */
function orthogonalStart(grown: Grown, task: number): Grown {
  const {parameters, topology} = grown.network;
  const replaced: Record<string, HostArray<'float32'>> = {};
  for (const {modules} of topology.sites) {
    for (const facet of facets) {
      const own = modules.map(({id}) => arraysOf(facet, id, id.replace('/module:', '/gate/module:')));
      const fresh = own.filter((_, j) => modules[j]!.task === task);
      const earlier = own.filter((_, j) => modules[j]!.task !== task);
      const vectors = (paths: readonly string[]): number[] => paths.flatMap((path) => [...parameters[path]!.data]);
      orthonormal(fresh.map(vectors), earlier.map(vectors)).forEach((vector, m) => {
        let from = 0;
        for (const path of fresh[m]!) {
          const {shape} = parameters[path]!;
          replaced[path] = hostArray(Float32Array.from(vector.subarray(from, from + sizeOf(shape))), shape, 'float32');
          from += sizeOf(shape);
        }
      });
    }
  }
  const network: Network = withParameters(grown.network, replaced);
  return {...grown, network};
}

/** The penalty on components that are alike. */
function apart({path}: StepContext, orthogonality: number): Pick<StepPart, 'term'> {
  const sites = path.spec.sites.flatMap(({modules}, i) => (modules.length > 0 ? [{i, count: modules.length}] : []));
  if (sites.length === 0) return {};
  return {
    term: ({parameters}) => {
      const penalties = sites.flatMap(({i, count}) =>
        facets.map((facet) => {
          const rows = Array.from({length: count}, (_, j) => {
            const names = arraysOf(facet, `site${i}/module:${j}`, `site${i}/gate:0:${j}`);
            return tf.concat(names.map((name) => tf.reshape(parameters[name]!, [-1])));
          });
          const all = tf.stack(rows) as tf.Tensor2D; // [components, size]
          return tf.mean(tf.square(tf.sub(tf.matMul(all, all, false, true), tf.eye(count))));
        }),
      );
      return tf.mul(tf.addN(penalties), orthogonality);
    },
  };
}
