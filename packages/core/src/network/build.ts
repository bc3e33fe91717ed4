import {type AnyDefinition, define, family, type ParsedConfig, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import {initializers} from '../parameters/initializers.ts';
import {routers} from '../routing/registry.ts';
import {initialParameters, type Network} from './network.ts';
import type {HeadKind, ModuleSpec, Site, Topology} from './topology.ts';

/** What a network is built for. */
export interface Purpose {
  /** [height, width, channels] of the images. */
  readonly imageShape: readonly [number, number, number];
  /** Mean and standard deviation (sd) of the training pixels in [0, 1], per channel; asked for only where they are used. */
  readonly pixels: () => {readonly mean: readonly number[]; readonly sd: readonly number[]};
  readonly head: HeadKind;
  /** Every class label of the stream; a single head gets them all. */
  readonly classes: readonly number[];
}

/** Builds networks of one architecture. */
export interface Architecture {
  build(purpose: Purpose, seeds: SeedStream): Network;
}

/** A multilayer perceptron whose hidden layers are sites. */
export const mlp = define({
  kind: 'mlp',
  summary: 'A multilayer perceptron; every hidden layer is a site where modules can stand.',
  source: {cite: 'standard'},
  options: {
    hidden: z.array(z.int().min(1)).min(1).default([256, 256]).describe('units of the hidden layers'),
    activation: z
      .enum(['relu', 'tanh', 'sigmoid', 'gelu', 'linear'])
      .default('relu')
      .describe('non-linearity of the hidden layers'),
    initializer: initializers.schema.prefault({kind: 'torch-linear'}).describe('how kernels and biases start'),
    normalisation: z
      .enum(['unit-range', 'standardised'])
      .default('unit-range')
      .describe('pixels in [0, 1], or also shifted and scaled to mean 0 and deviation 1 over the training images'),
    routing: routers.schema.prefault({kind: 'by-task'}).describe('which modules of a site take part'),
    aggregation: aggregators.schema.prefault({kind: 'sum'}).describe('how modules join the base'),
  },
  create: (options): Architecture => ({
    build: (purpose, seeds) => {
      const [height, width, channels] = purpose.imageShape;
      const features = height * width * channels;
      const computation = computations.validate({kind: 'dense', initializer: options.initializer});
      const sites = options.hidden.map((units, i): Site => {
        const id = `layer${i}`;
        const base: ModuleSpec = {
          id: `${id}/base`,
          computation,
          inputs: i === 0 ? features : options.hidden[i - 1]!,
          units,
          task: null,
          frozen: false,
        };
        return {
          id,
          base,
          modules: [],
          routing: options.routing,
          aggregation: options.aggregation,
          activation: options.activation,
        };
      });
      const topology: Topology = {
        input: {features, ...affine(options.normalisation, purpose)},
        sites,
        head: {kind: purpose.head, segments: singleSegment(purpose, computation, options.hidden.at(-1)!), computation},
      };
      const modules = [...sites.map((site) => site.base), ...topology.head.segments];
      return {topology, parameters: Object.assign({}, ...modules.map((module) => initialParameters(module, seeds)))};
    },
  }),
});

/** Network architectures. */
export const architectures = family<Architecture>()('network', [
  mlp,
] as const satisfies readonly AnyDefinition<Architecture>[]);

function singleSegment(purpose: Purpose, computation: ParsedConfig, inputs: number): Topology['head']['segments'] {
  if (purpose.head !== 'single') return [];
  const classes = [...purpose.classes];
  return [{id: 'head/segment:0', computation, inputs, units: classes.length, task: null, frozen: false, classes}];
}

function affine(normalisation: 'unit-range' | 'standardised', purpose: Purpose): {scale: number[]; shift: number[]} {
  if (normalisation === 'unit-range') {
    const channels = Array.from({length: purpose.imageShape[2]});
    return {scale: channels.map(() => 1 / 255), shift: channels.map(() => 0)};
  }
  const {mean, sd} = purpose.pixels();
  const divisors = sd.map((deviation) => (deviation > 0 ? deviation : 1)); // A constant channel is only shifted.
  return {scale: divisors.map((divisor) => 1 / (255 * divisor)), shift: mean.map((m, c) => -m / divisors[c]!)};
}
