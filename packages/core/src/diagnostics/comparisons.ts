import {HarnessError} from '@accrete/kit';
import {type Diagnosis, diagnosisOf} from './failure.ts';

/**
 * `frozen-drift`: the largest absolute change of any logit of earlier tasks between two evaluations of the same examples. Frozen
 * paths change by exactly 0.
 *
 * @throws HarnessError E_SHAPE where the lists differ in length.
 */
export function diagnoseDrift(before: ArrayLike<number>, after: ArrayLike<number>): Diagnosis {
  if (before.length !== after.length) {
    throw new HarnessError('E_SHAPE', `expected ${before.length} logits after as before, got ${after.length}.`);
  }
  let largest = 0;
  for (let i = 0; i < before.length; i++) {
    const change = Math.abs(after[i]! - before[i]!);
    if (!(change <= largest)) largest = Object.is(after[i], before[i]) ? largest : change;
  }
  return diagnosisOf('frozen-drift', Number.isNaN(largest) ? Number.POSITIVE_INFINITY : largest);
}

/**
 * `co-adaptation`: the variance over seeds of the loss with learned routing, divided by that with fixed routing. Router and modules
 * that chase each other end up elsewhere with every seed.
 *
 * @param learned validation losses, one per seed. @param fixed the same with fixed routing
 * @throws HarnessError E_SHAPE for fewer than two seeds of either.
 */
export function diagnoseCoAdaptation(learned: readonly number[], fixed: readonly number[]): Diagnosis {
  if (Math.min(learned.length, fixed.length) < 2) {
    const came = `${learned.length} and ${fixed.length}`;
    throw new HarnessError('E_SHAPE', `a variance over seeds needs two losses or more of either routing, got ${came}.`);
  }
  const [ours, theirs] = [variance(learned), variance(fixed)];
  return diagnosisOf('co-adaptation', ours === 0 ? 0 : ours / theirs);
}

/**
 * `task-leakage`: how much better examples are answered where all of a batch are of one task than one by one. What answers each
 * example by itself gains exactly 0.
 *
 * @param together accuracy with batches of one task each, in [0, 1]. @param apart accuracy example by example
 */
export function diagnoseLeakage(together: number, apart: number): Diagnosis {
  return diagnosisOf('task-leakage', together - apart);
}

/** Sample variance. */
function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
