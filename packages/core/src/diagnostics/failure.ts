import type {EventOf} from '@accrete/kit';

/** Ways in which routing fails. */
export type Failure = EventOf<'diagnosis'>['failure'];

/** A figure by which one failure is recognised: a `diagnosis` event without what a log adds. */
export type Diagnosis = Omit<EventOf<'diagnosis'>, 'type' | 'seq' | 'time' | 'afterTask'>;

/** From where on a figure shows its failure. */
export const failureLimits = {
  /** Largest share of the load that one module has. */
  collapse: 0.9,
  /** Modules with a share of the load below 1 / (10 K). */
  'dead-modules': 0,
  /** Mean entropy of a token's shares, divided by ln K. */
  'uniform-router': 0.99,
  /** Share of the tokens that no module serves. */
  'unserved-tokens': 0.05,
  /** I(task; module) / min(H(task), H(module)) in training less the same in evaluation. */
  'router-overfit': 0.1,
  /** Variance of the loss over seeds, learned routing's divided by fixed routing's; 6.39 is the 95 % quantile of F(4, 4): five seeds. */
  'co-adaptation': 6.39,
  /** Accuracy with soft scores less accuracy with each token's best module alone. */
  'soft-hard-gap': 0.05,
  /** Accuracy where a batch holds one task less accuracy example by example. */
  'task-leakage': 0.02,
  /** Largest absolute change of a logit of an earlier task. */
  'frozen-drift': 0,
} as const satisfies Record<Failure, number>;

/**
 * A figure held against its limit.
 *
 * @param where the site, null for the network as a whole, and the modules concerned.
 */
export function diagnosisOf(
  failure: Failure,
  value: number,
  {
    site = null,
    modules = [],
    limit = failureLimits[failure],
  }: Partial<Pick<Diagnosis, 'site' | 'modules' | 'limit'>> = {},
): Diagnosis {
  return {site, failure, value, limit, failed: value > limit, modules: [...modules]};
}
