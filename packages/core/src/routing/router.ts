import type {Tensor2D} from '@tensorflow/tfjs-core';

/** A module as a router sees it. */
export interface Candidate {
  readonly id: string;
  /** Index of the task that brought the module; null where it was there from the start. */
  readonly task: number | null;
}

/**
 * A routing function. It works in two stages, so that only what can be active is computed:
 * `active` chooses on the host from what is known before the batch (the task), `scores` weighs the chosen ones inside the
 * compiled step.
 */
export interface Router {
  /** The modules that may take part for a task, in the order of the inventory. */
  active<C extends Candidate>(inventory: readonly C[], task: number): readonly C[];
  /**
   * alpha for the active modules: h [batch, inputs] -> [batch, active]; null where every active module counts fully.
   */
  scores(h: Tensor2D, active: number): Tensor2D | null;
}
