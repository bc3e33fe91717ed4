import type {Tensor2D} from '@tensorflow/tfjs-core';

/** One site, ready to be computed: the aggregator decides what runs on what. */
export interface SiteCall {
  /** The hidden state that reaches the site, [batch, inputs]. */
  readonly h: Tensor2D;
  /** The base sub-function f(.; theta) on any hidden state as wide as its inputs. */
  readonly base: (h: Tensor2D) => Tensor2D;
  /** Features that the base reads; a site after a concatenation may get more. */
  readonly baseInputs: number;
  /** The active modules, as functions of a hidden state. */
  readonly modules: readonly ((h: Tensor2D) => Tensor2D)[];
  /** Routing scores, [batch, modules]; null where every active module counts fully. */
  readonly scores: Tensor2D | null;
}

/**
 * An aggregation function g. It owns the call: parameter and input aggregation act before the base runs, the others after.
 */
export interface Aggregator {
  readonly level: 'parameter' | 'representation' | 'input' | 'function';
  /** Units that the site puts out. @param widths of the active modules */
  width(base: number, widths: readonly number[]): number;
  /** Why a module of this width cannot stand at a site with such a base; null where it can. */
  refusal(base: number, width: number): string | null;
  /** Before the activation: -> [batch, width]. */
  run(call: SiteCall): Tensor2D;
}
