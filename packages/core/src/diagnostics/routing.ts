import type {HostArray} from '@accrete/kit';
import {type Failure, failureLimits} from './failure.ts';
import {diagnoseLoad, type LoadDiagnosis} from './load.ts';
import {sharesOf} from './scores.ts';
import {diagnoseSpecialisation, type SpecialisationDiagnosis} from './specialisation.ts';

/** How the router of one site does: figures, and the failures that they show. */
export interface RoutingDiagnosis {
  readonly tokens: number;
  readonly modules: number;
  /** Share of tokens that no module serves, as a capacity leaves them; null where there are no tokens. */
  readonly unserved: number | null;
  readonly load: LoadDiagnosis | null;
  /** Null where tasks are not known. */
  readonly specialisation: SpecialisationDiagnosis | null;
  readonly failures: readonly RoutingFailure[];
}

/** Ways of failing that scores alone show. */
export type RoutingFailure = Extract<Failure, 'collapse' | 'dead-modules' | 'uniform-router' | 'unserved-tokens'>;

/** From where on a figure counts as a failure. */
export interface RoutingThresholds {
  /** A module with more of the load: `collapse`. */
  readonly dominance: number;
  /** Mean normalised entropy of a token's shares above this: `uniform-router`. */
  readonly indecision: number;
  /** More tokens unserved than this share: `unserved-tokens`. */
  readonly unserved: number;
}

const usual: RoutingThresholds = {
  dominance: failureLimits.collapse,
  indecision: failureLimits['uniform-router'],
  unserved: failureLimits['unserved-tokens'],
};

/**
 * All that scores alone tell of a router: evenness of use, collapse, dead modules, indecision, and what modules have to do with
 * tasks. With one module there is nothing to fail at.
 *
 * @param scores alpha [modules], [batch, modules] or [batch, ..., modules], as `forward` gives it in `routes`.
 * @param tasks index of the task of each token; null where not known.
 * @throws HarnessError E_SHAPE, E_NON_FINITE
 */
export function diagnoseRouting(
  scores: HostArray,
  tasks: ArrayLike<number> | null = null,
  thresholds: Partial<RoutingThresholds> = {},
): RoutingDiagnosis {
  const limits = {...usual, ...thresholds};
  const shares = sharesOf(scores);
  const {modules, unserved} = shares;
  const load = diagnoseLoad(shares, limits.dominance);
  const specialisation = tasks && diagnoseSpecialisation(shares, tasks);
  const failures: RoutingFailure[] = [];
  if (modules > 1 && load !== null) {
    if (load.dominant.length > 0) failures.push('collapse');
    if (load.dead.length > 0) failures.push('dead-modules');
    if (load.indecision! > limits.indecision) failures.push('uniform-router');
  }
  if (unserved !== null && unserved > limits.unserved) failures.push('unserved-tokens');
  return {tokens: scores.data.length / modules, modules, unserved, load, specialisation, failures};
}
