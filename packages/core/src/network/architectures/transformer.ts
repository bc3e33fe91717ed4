import {define, HarnessError} from '@accrete/kit';
import * as z from 'zod';
import {computations} from '../../modules/registry.ts';
import type {InputSpec} from '../topology.ts';
import {type Architecture, denseConfig, inputSpec, networkOf, type SitePlan, type Stage} from './architecture.ts';
import {encoderApart, encoderOrder, encoderSites, runEncoderLayer} from './encoder-layer.ts';
import {asMaps} from './maps.ts';
import {siteOptions} from './options.ts';
import {embeddingSite, meanState, patchesOf, patchesSite, stateFromEnd, visible} from './tokens.ts';

/**
 * A transformer encoder over tokens, or over the patches of an image. In every layer, with h the states of all positions:
 *
 *   h <- h + attention-block(output(attention(query(n), key(n), value(n)))),  n = norm1(h)
 *   h <- h + feed-forward-block(down(activation(up(n)))),                     n = norm2(h)
 *
 * or, with norms last, h <- norm1(h + ...) and h <- norm2(h + ...), with n = h.
 *
 * What reaches the first layer is norm(embedding) where `embeddingNorm` says so; what is pooled passes tanh(pooler(h)) where `pooler`
 * does. So a BERT encoder has norms last, both of these, and pools its first token.
 *
 * Sites: `embedding` or `patches`; `embedding-norm`; `layer0/norm1`, `.../query`, `.../key`, `.../value`, `.../attention`, `.../output`,
 * `.../attention-block`, `.../norm2`, `.../up`, `.../down`, `.../feed-forward-block`; and `norm` at the end where norms come
 * first; `pooler`. The two blocks have the identity as their base: adapters stand there, inside the residual connection.
 *
 * Modules that put positions in front of a sequence, such as prompts, leave class token and tokens the last ones, and that is
 * where the pooling looks for them.
 *
 * Source: Vaswani et al. 2017; norms first: Xiong et al. 2020; patches: Dosovitskiy et al. 2021; embedding norm and pooler: Devlin et
 * al. 2019, https://arxiv.org/abs/1706.03762. Deviations: encoder only; no dropout.
 */
export const transformer = define({
  kind: 'transformer',
  summary: 'A transformer encoder over tokens or image patches; every projection, norm and end of a block is a site.',
  source: {
    cite: 'Vaswani et al. 2017; norms first: Xiong et al. 2020; patches: Dosovitskiy et al. 2021; embedding norm and pooler: Devlin et al. 2019',
    url: 'https://arxiv.org/abs/1706.03762',
    deviations: ['encoder only', 'no dropout'],
  },
  options: {
    width: z.int().min(1).default(64).describe('features of each position; a multiple of the heads'),
    layers: z.int().min(1).default(2).describe('encoder layers'),
    heads: z.int().min(1).default(4).describe('attention heads'),
    feedForward: z.int().min(1).default(128).describe('units of the hidden layer that follows attention'),
    activation: z.enum(['relu', 'gelu']).default('gelu').describe('non-linearity of that hidden layer'),
    norm: z.enum(['first', 'last']).default('first').describe('norm before each block, or after its addition'),
    epsilon: z.number().positive().default(1e-5).describe('added to the variance in norms'),
    embeddingNorm: z.boolean().default(false).describe('whether a norm stands between embedding and first layer'),
    pooling: z
      .enum(['class', 'first', 'mean'])
      .default('class')
      .describe('what is pooled: the state of a learned class token, of the first token, or the mean of all tokens'),
    pooler: z.boolean().default(false).describe('whether a dense layer with tanh stands between pooling and head'),
    positions: z
      .enum(['learned', 'sinusoidal', 'none'])
      .default('learned')
      .describe('what is added at each position: a learned vector, sines and cosines, or nothing'),
    patch: z.int().min(1).default(4).describe('height and width of a patch, in pixels; for images'),
    ...siteOptions,
  },
  create: (options): Architecture => {
    const {width, layers, norm, epsilon, pooling, positions, patch, initializer} = options;
    const entry = (input: InputSpec): SitePlan => {
      const sequence = {positions, classToken: pooling === 'class', initializer};
      switch (input.kind) {
        case 'image':
          return patchesSite(input, patch, width, sequence);
        case 'tokens':
          return embeddingSite(input, width, sequence);
        case 'vector':
          throw new HarnessError('E_COMBINATION', 'a transformer takes images or tokens, got vectors.', {input});
      }
    };
    const names = Array.from({length: layers}, (_, i) => `layer${i}`);
    const early = options.embeddingNorm ? ['embedding-norm'] : [];
    const last = norm === 'first' ? ['norm'] : [];
    const pooler = options.pooler ? ['pooler'] : [];
    return {
      build: (purpose, seeds) => {
        const input = inputSpec(purpose.input, options.normalisation);
        const computation = computations.validate({kind: 'layer-norm', epsilon});
        const normAt = (id: string): SitePlan => ({id, computation, inputs: width, units: width});
        const sites = [
          entry(input),
          ...early.map(normAt),
          ...names.flatMap((layer) => encoderSites(layer, options)),
          ...last.map(normAt),
          ...pooler.map(
            (id): SitePlan => ({
              id,
              computation: denseConfig(initializer),
              inputs: width,
              units: width,
              activation: 'tanh',
            }),
          ),
        ];
        return networkOf({kind: 'transformer', options, chain: false, input, sites, features: width}, purpose, seeds);
      },
      stages: (input): readonly Stage[] => {
        const {id} = entry(input);
        const tokens = input.kind === 'image' ? patchesOf(input.shape, patch) : input.features;
        const readsInput = input.kind === 'tokens';
        const first: Stage = {
          sites: [id, ...early],
          run: (x, {at}) => {
            const h = at(id, input.kind === 'image' ? asMaps(x, input.shape) : x);
            return early.reduce((state, site) => at(site, state), h);
          },
        };
        const inside = names.map(
          (layer): Stage => ({
            sites: encoderOrder(layer, norm),
            apart: encoderApart(layer),
            readsInput,
            run: (h, call) => runEncoderLayer(layer, h, call, {norm, mask: visible(call)}),
          }),
        );
        const pool: Stage = {
          sites: [...last, ...pooler],
          readsInput: readsInput && pooling === 'mean',
          run: (h, call) => {
            const y = last.reduce((state, site) => call.at(site, state), h);
            const pooled =
              pooling === 'mean'
                ? meanState(y, tokens, visible(call))
                : stateFromEnd(y, pooling === 'class' ? tokens + 1 : tokens);
            return pooler.reduce((state, site) => call.at(site, state), pooled);
          },
        };
        return [first, ...inside, pool];
      },
    };
  },
});
