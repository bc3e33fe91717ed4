import {define, HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {InputSpec} from '../topology.ts';
import {
  type Architecture,
  denseConfig,
  imageShape,
  inputSpec,
  networkOf,
  type SitePlan,
  type Stage,
} from './architecture.ts';
import {asMaps, type MapLayer, mapSiteIds, mapSites, meanOfMaps, normOptions, runMapLayer} from './maps.ts';
import {siteOptions} from './options.ts';

/**
 * A convolutional network as VGG's: blocks of 3 x 3 convolutions, a 2 x 2 pooling after each block, then dense layers.
 *
 * Sites: `block0/conv0`, `block0/norm0` where there is a norm, `block0/conv1`, ..., `block1/conv0`, ..., `dense0`, ...
 *
 * Source: Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556. Deviations: as few layers as asked for; no dropout;
 * norms where asked for.
 */
export const cnn = define({
  kind: 'cnn',
  summary: 'Blocks of 3 x 3 convolutions with pooling after each, then dense layers; every layer is a site.',
  source: {
    cite: 'Simonyan and Zisserman 2015',
    url: 'https://arxiv.org/abs/1409.1556',
    deviations: ['as few layers as asked for', 'no dropout', 'norms where asked for'],
  },
  options: {
    channels: z
      .array(z.array(z.int().min(1)).min(1))
      .min(1)
      .default([[32], [64]])
      .describe('blocks of convolutions, by their channels; a 2 x 2 pooling ends each block'),
    pool: z.enum(['max', 'mean']).default('max').describe('the pooling that ends a block'),
    norm: z.enum(['none', 'batch', 'group']).default('none').describe('norm after each convolution'),
    ...normOptions,
    readout: z
      .enum(['flatten', 'mean'])
      .default('flatten')
      .describe('after the last block: all positions side by side, or their mean'),
    hidden: z.array(z.int().min(1)).default([128]).describe('units of the dense layers after the readout'),
    activation: z
      .enum(['relu', 'tanh', 'sigmoid', 'gelu', 'linear'])
      .default('relu')
      .describe('non-linearity of all layers'),
    ...siteOptions,
  },
  create: (options): Architecture => {
    const {channels, pool, readout, hidden, activation} = options;
    const pooled = (h: tf.Tensor): tf.Tensor =>
      (pool === 'max' ? tf.maxPool : tf.avgPool)(h as tf.Tensor4D, 2, 2, 'valid');
    const blocksOf = (input: InputSpec): readonly (readonly MapLayer[])[] => {
      const widths = [imageShape('cnn', input)[2], ...channels.flat()];
      return channels.map((block, i) => {
        const before = channels.slice(0, i).flat().length;
        return block.map((units, j) => {
          const [conv, norm] = [`block${i}/conv${j}`, `block${i}/norm${j}`];
          return {conv, norm, inputs: widths[before + j]!, units, size: 3, stride: 1, activation};
        });
      });
    };
    return {
      build: (purpose, seeds) => {
        const input = inputSpec(purpose.input, options.normalisation);
        const positions = positionsAfter(imageShape('cnn', input), channels.length);
        const read = channels.flat().at(-1)! * (readout === 'mean' ? 1 : positions);
        const widths = [read, ...hidden];
        const computation = denseConfig(options.initializer);
        const sites = [
          ...blocksOf(input)
            .flat()
            .flatMap((layer) => mapSites(layer, options)),
          ...hidden.map(
            (units, i): SitePlan => ({id: `dense${i}`, computation, inputs: widths[i]!, units, activation}),
          ),
        ];
        return networkOf({kind: 'cnn', options, chain: false, input, sites, features: widths.at(-1)!}, purpose, seeds);
      },
      stages: (input): readonly Stage[] => [
        ...blocksOf(input).map((block, i): Stage => {
          const last = i === channels.length - 1;
          return {
            sites: block.flatMap((layer) => mapSiteIds(layer, options)),
            run: (h, call) => {
              const maps = i === 0 ? asMaps(h, imageShape('cnn', input)) : h;
              const y = pooled(block.reduce((state, layer) => runMapLayer(layer, state, call, options), maps));
              if (!last) return y;
              return readout === 'mean' ? meanOfMaps(y) : tf.reshape(y, [y.shape[0]!, -1]);
            },
          };
        }),
        ...hidden.map((_, i): Stage => ({sites: [`dense${i}`], run: (h, {at}) => at(`dense${i}`, h)})),
      ],
    };
  },
});

/** Positions of the maps that are left. */
function positionsAfter([height, width]: readonly [number, number, number], poolings: number): number {
  const [h, w] = [height, width].map((size) => Math.floor(size / 2 ** poolings)) as [number, number];
  if (h * w > 0) return h * w;
  const message = `cnn halves images ${poolings} times, and ${height} x ${width} pixels are too few for that. Take fewer blocks.`;
  throw new HarnessError('E_COMBINATION', message, {height, width, poolings});
}
