import {HarnessError, type ParsedConfig, type SeedStream} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import type {ModuleTensors} from '../../modules/module.ts';
import {computations} from '../../modules/registry.ts';
import {routers} from '../../routing/registry.ts';
import {initialParameters, type Network} from '../network.ts';
import {growModules} from '../surgery.ts';
import type {Activation, Head, HeadKind, InputSpec, ModuleSpec, Site, Topology} from '../topology.ts';
import type {SiteOptions} from './options.ts';

/** What a network is built for. */
export interface Purpose {
  readonly input: InputPurpose;
  readonly head: HeadKind;
  /** Every class label of the stream; a single head gets them all. */
  readonly classes: readonly number[];
}

/** What goes in. */
export type InputPurpose =
  | {
      readonly kind: 'image';
      /** [height, width, channels] */
      readonly shape: readonly [number, number, number];
      /** Mean and standard deviation (sd) of the training pixels in [0, 1], per channel; asked for only where they are used. */
      readonly pixels: () => {readonly mean: readonly number[]; readonly sd: readonly number[]};
    }
  | {readonly kind: 'tokens'; readonly length: number; readonly vocabulary: number}
  | {readonly kind: 'vector'; readonly features: number};

/** What a stage is told beside the hidden state. */
export interface StageCall {
  readonly input: InputSpec;
  /** What goes in, as `Architecture.stages` describes it. */
  readonly x: Tensor;
  /** Runs the modular function at a site, its non-linearity included. @param extra tensors for what stands there, by name */
  at(site: string, h: Tensor, extra?: ModuleTensors): Tensor;
  /** Dropout of what a site put out, in steps in which something there moves; h itself otherwise. @param rate see `dropout` */
  drop(site: string, h: Tensor, rate: number): Tensor;
}

/** One architecture with its options: the sites that it has, and how they are wired. */
export interface Architecture {
  /** @throws HarnessError E_COMBINATION where it cannot take such an input. */
  build(purpose: Purpose, seeds: SeedStream): Network;
  /**
   * The way from what goes in, x, to what reaches the head, [batch, features], cut where nothing but one hidden state passes. So
   * the outputs of leading stages in which nothing moves can be computed once per example and kept.
   *
   * x: images as float32 [batch, features], normalised; tokens as int32 [batch, length]; vectors as float32.
   */
  stages(input: InputSpec): readonly Stage[];
}

/** One stretch of a network's wiring. */
export interface Stage {
  /** Ids of the sites that it runs, in the order in which it begins with them. */
  readonly sites: readonly string[];
  /** By a site's id, sites named before it whose outcome does not reach it: it stands beside them. None where absent. */
  readonly apart?: Readonly<Record<string, readonly string[]>>;
  /** True where it runs a site more than once per pass. */
  readonly repeats?: boolean;
  /** True where it reads `call.x` (the first one gets x as its hidden state and need not). */
  readonly readsInput?: boolean;
  /** @param h what the stage before put out, batch first; x for the first one. */
  run(h: Tensor, call: StageCall): Tensor;
}

/** How the pixels of images are put before the first layer. */
export type Normalisation = 'unit-range' | 'standardised';

/** The input of a network, for its topology. */
export function inputSpec(purpose: InputPurpose, normalisation: Normalisation): InputSpec {
  switch (purpose.kind) {
    case 'image': {
      const {shape} = purpose;
      return {kind: 'image', features: shape[0] * shape[1] * shape[2], shape, ...affine(normalisation, purpose)};
    }
    case 'tokens':
      return {kind: 'tokens', features: purpose.length, vocabulary: purpose.vocabulary};
    case 'vector':
      return {kind: 'vector', features: purpose.features};
  }
}

/** A site as an architecture names it. */
export interface SitePlan {
  readonly id: string;
  /** Config of the base's computation, defaults filled in. */
  readonly computation: ParsedConfig;
  readonly inputs: number;
  readonly units: number;
  readonly activation?: Activation;
}

/**
 * A network of the planned sites: bases and head freshly initialised, and the modules that are to be there from the start.
 *
 * @throws HarnessError E_COMBINATION where a base does not fit its site, or a module of the inventory fits none or is never used.
 */
export function networkOf(
  plan: {
    readonly kind: string;
    readonly options: SiteOptions;
    /** True where sites may widen; see `Topology.chain`. */
    readonly chain: boolean;
    readonly input: InputSpec;
    readonly sites: readonly SitePlan[];
    /** Units that reach the head. */
    readonly features: number;
  },
  purpose: Purpose,
  seeds: SeedStream,
): Network {
  const {kind, options, chain, input, features} = plan;
  const {routing, aggregation, initializer} = options;
  const sites = plan.sites.map(({id, computation, inputs, units, activation = 'linear'}): Site => {
    const base: ModuleSpec = {id: `${id}/base`, computation, inputs, units, beside: null, task: null, frozen: false};
    const refusal = computations.parse(computation).refusal?.(base) ?? null;
    if (refusal !== null) throw new HarnessError('E_COMBINATION', `${kind}, ${base.id}: ${refusal}.`, {site: id});
    return {id, base, modules: [], supports: [], routing, aggregation, activation};
  });
  const computation = denseConfig(initializer);
  const head: Head = {kind: purpose.head, segments: singleSegment(purpose, computation, features), computation};
  const topology: Topology = {architecture: {kind, ...options}, chain, input, sites, features, head};
  const modules = [...sites.map((site) => site.base), ...head.segments];
  const parameters = Object.assign({}, ...modules.map((module) => initialParameters(module, seeds)));
  return withInventory({topology, parameters}, options, purpose, seeds);
}

function withInventory(network: Network, options: SiteOptions, {classes}: Purpose, seeds: SeedStream): Network {
  const {inventory, routing} = options;
  if (inventory === null) return network;
  const {module: computation, count, sites} = inventory;
  const names = Array.from({length: count}, (_, j) => `start${j}`);
  const growth = {computation, task: null, names, ...(sites === null ? {} : {sites})};
  const grown = growModules(network, growth, seeds).network;
  const router = routers.parse(routing);
  const used = classes.some((_, task) =>
    grown.topology.sites.some((site) => router.active(site.modules, task).length > 0),
  );
  if (used) return grown;
  const message = `routing "${routing.kind}" never uses modules that are there from the start. Choose another, or no inventory.`;
  throw new HarnessError('E_COMBINATION', message, {routing, inventory});
}

/** [height, width, channels] of the images that go in. @throws HarnessError E_COMBINATION where something else does */
export function imageShape(kind: string, input: InputSpec): readonly [number, number, number] {
  if (input.kind === 'image') return input.shape;
  throw new HarnessError('E_COMBINATION', `a network of kind "${kind}" takes images, got ${input.kind}.`, {input});
}

/** A dense layer's config. */
export function denseConfig(initializer: ParsedConfig): ParsedConfig {
  return computations.validate({kind: 'dense', initializer});
}

function singleSegment(purpose: Purpose, computation: ParsedConfig, inputs: number): Head['segments'] {
  if (purpose.head !== 'single') return [];
  const classes = [...purpose.classes];
  const place = {inputs, units: classes.length, beside: null, task: null, frozen: false};
  return [{id: 'head/segment:0', computation, ...place, classes}];
}

function affine(
  normalisation: Normalisation,
  purpose: Extract<InputPurpose, {kind: 'image'}>,
): {scale: number[]; shift: number[]} {
  if (normalisation === 'unit-range') {
    const channels = Array.from({length: purpose.shape[2]});
    return {scale: channels.map(() => 1 / 255), shift: channels.map(() => 0)};
  }
  const {mean, sd} = purpose.pixels();
  const divisors = sd.map((deviation) => (deviation > 0 ? deviation : 1)); // A constant channel is only shifted.
  return {scale: divisors.map((divisor) => 1 / (255 * divisor)), shift: mean.map((m, c) => -m / divisors[c]!)};
}
