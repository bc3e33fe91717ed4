import type {Noise} from '@accrete/engine';
import type {ParsedConfig} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import type {ParameterSpec} from '../parameters/parameters.ts';

/** The place where a module stands. */
export interface SiteShape {
  /** Features that come in: the last axis of the hidden state. */
  readonly inputs: number;
  /** Features that the base puts out. */
  readonly units: number;
  /** Config of the base that the module stands beside; null where it is a base or a head segment itself. */
  readonly beside: ParsedConfig | null;
}

/** Parameters of one owner as tensors, by the last part of their path. */
export type ModuleTensors = Readonly<Record<string, Tensor>>;

/** What a forward pass knows beside the hidden state. */
export interface Context {
  /** Random numbers of this step while training; null in evaluation, where everything is deterministic. */
  readonly noise: Noise | null;
  /** Index, among the path's tasks, of each row's task: int32 [batch]; null where the path serves one task. */
  readonly tasks: Tensor | null;
  /** 1 for a row that is there, 0 for one that fills the batch up, [batch]; null where all are there. */
  readonly weights: Tensor | null;
  /**
   * Local names of the owners whose parameters this step moves, such as `site1/module:0`: whatever else stands on the path
   * behaves as in evaluation. Null where all move.
   */
  readonly moving: ReadonlySet<string> | null;
  /** True where soft routers are made hard: each token takes the module of its largest score alone. False where absent. */
  readonly hardened?: boolean;
}

/** What a pass gets that nobody told anything: evaluation along the path of one task. */
export const evaluation: Context = {noise: null, tasks: null, weights: null, moving: null};

/** The base at a site as a module sees it. */
export interface Base {
  /** theta */
  readonly parameters: ModuleTensors;
  /** f(h; theta), for any hidden state and any parameters of the base's shapes. */
  run(h: Tensor, theta?: ModuleTensors): Tensor;
  /** f(h; theta) for the hidden state that reaches the site, computed once. */
  output(): Tensor;
}

/** A module at work. */
export interface ModuleCall {
  /** Where it stands. */
  readonly site: SiteShape;
  /** The hidden state: [batch, inputs], [batch, length, inputs] or [batch, height, width, inputs]. */
  readonly h: Tensor;
  /** phi. Under parameter aggregation per example, every one has a batch axis in front. */
  readonly parameters: ModuleTensors;
  /** What all modules of the kind at the site have in common; empty where the computation shares nothing. */
  readonly shared: ModuleTensors;
  /** Null where the module is a base or a head segment itself. */
  readonly base: Base | null;
  readonly context: Context;
  /** Distinguishes this module's noise from that of others: names of noise begin with it. */
  readonly name: string;
  /** Whatever the architecture hands to this site, such as a padding mask, by name. */
  readonly extra: ModuleTensors;
}

/**
 * A computation function: what a module with parameters phi computes at its site. Pure, plain tfjs.
 *
 * `form` says what `run` puts out:
 * - `layer`: f(h; phi), a sub-function that stands on its own; it can be a base, a head segment or an expert;
 * - `output`: f'(h; theta, phi), the base with the module in it;
 * - `delta`: f'(h; theta, phi) - f(h; theta), what the module adds to the base.
 */
export interface Computation {
  /** Where the survey places it. */
  readonly composition: 'parameter' | 'input' | 'function' | 'hypernetwork';
  readonly form: 'layer' | 'output' | 'delta';
  /** True where a fresh module changes nothing, exactly: f'(h; theta, phi) = f(h; theta), or for a layer, f(h; phi) = 0. */
  readonly identityAtStart: boolean;
  /** True where `run` takes parameters with a batch axis in front, so that examples can have parameters of their own. */
  readonly perExample?: boolean;
  /**
   * True of a layer each of whose units is computed from its own places along the last axis of every parameter, so that layers which
   * read the same are one layer with their parameters side by side.
   */
  readonly columnwise?: boolean;
  /**
   * The axis of each parameter that is cut into equal parts where a router has heads, so that each part can be averaged by scores of
   * its own; absent where parameters cannot be cut.
   */
  readonly headAxes?: Readonly<Record<string, number>>;
  /** True where `run` puts out more positions than the base, in front of its own, so that the two cannot be added up. */
  readonly lengthens?: boolean;
  /** Units that one module puts out at a site. */
  width(site: SiteShape): number;
  /** Why a module cannot stand at a site, as the end of a sentence; null where it can. */
  refusal?(site: SiteShape): string | null;
  /** The parameters that one module owns at a site, by name. */
  parameters(site: SiteShape): Readonly<Record<string, ParameterSpec>>;
  /** Parameters that all modules of the kind at a site have in common, by name. */
  shared?(site: SiteShape): Readonly<Record<string, ParameterSpec>>;
  /** Caller owns the result. */
  run(call: ModuleCall): Tensor;
  /** Parameter composition: theta (+) phi, the base's parameters with the module in them; those left out stay. */
  compose?(theta: ModuleTensors, phi: ModuleTensors, site: SiteShape): ModuleTensors;
  /** While training: a penalty on phi that is added to the loss; a scalar. */
  penalty?(phi: ModuleTensors, call: Pick<ModuleCall, 'shared' | 'site'>): Tensor;
  /** While training: new values of the module's buffers, such as running statistics, by name. */
  next?(call: ModuleCall): ModuleTensors;
}
