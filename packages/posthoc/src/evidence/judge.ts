import type {Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import {type EvidenceRow, HarnessError, type SeedStream} from '@accrete/kit';
import type {TaskData} from '../data/examples.ts';
import {applyPlan, maskedNetwork} from '../plan/apply.ts';
import type {Plan} from '../plan/plan.ts';
import {complement, exclusivePart} from '../plan/sets.ts';
import {planSize} from '../plan/size.ts';
import {accuracyOf} from '../training/logits.ts';
import {type Control, controlsOf, together, whyNotRemovable} from './controls.ts';
import {halfMasks} from './half-masks.ts';
import {rowBase} from './row.ts';
import {type Measured, Scale} from './scale.ts';

/** A module and the task that it is said to do, with examples that nothing was chosen on. */
export interface Candidate {
  readonly plan: Plan;
  readonly test: TaskData;
  /** The network that does the task in full; the judged one where absent. Of a module that changes weights: the base after training. */
  readonly reference?: Network;
  /** What to compare it with in place of random and largest-weight masks, found as the module was but for the choice. */
  readonly controls?: readonly Control[];
}

/** What is judged. */
export interface Judgement {
  readonly engine: Engine;
  readonly network: Network;
  readonly candidates: readonly Candidate[];
  readonly seeds: SeedStream;
  /** Random masks per module. */
  readonly randomDraws?: number;
  /** Modules found by the same method in an untrained network, in the order of the candidates. */
  readonly untrained?: {readonly network: Network; readonly plans: readonly Plan[]};
  readonly report?: (done: number) => void;
}

/**
 * Evidence that modules are modules. With acc_j the accuracy on task j and chance_j the rate of its most frequent class,
 *
 *   a_j(x) = (acc_j(x) - chance_j) / (acc_j(full) - chance_j)
 *
 *   sufficiency    S_i = a_i(theta m_i)
 *   exclusivity    X_i = 1 - mean_{j != i} max(0, a_j(theta m_i))
 *   necessity      N_i = 1 - a_i(theta (1 - m_i))
 *   selectivity    Q_i = N_i - mean_{j != i} (1 - a_j(theta (1 - m_i)))
 *   exclusive part N_i and Q_i with m_i \ union_{j != i} m_j in place of m_i
 *   half           S_i with the mask on a random half of the layers only: see `halfMasks`
 *   composability  mean of a_i and a_j of theta (m_i u m_j), or of theta + delta_i + delta_j
 *
 * A module that does a task through weights of its own has S, X, N, Q near 1. N is above 1 where a network without the module is
 * worse than chance. Tasks whose full accuracy is within 0.1 of chance are undefined, and so are means over no task; a module that
 * changes weights has no "network without it".
 *
 * Beside every module stand its controls, at equal density in every layer: random masks, the mask of the largest weights, the
 * module under the other tasks' names, and masks found in an untrained network where given.
 *
 * Source: Csordas et al. 2021, https://arxiv.org/abs/2010.02066, for the inverse-mask and half-mask tests; the normalisation is this
 * project's.
 *
 * @throws HarnessError E_COMBINATION where there is no candidate, or plans and untrained plans do not pair.
 */
export async function judge(judgement: Judgement): Promise<readonly EvidenceRow[]> {
  const {engine, network, candidates, seeds, randomDraws = 2, untrained} = judgement;
  if (candidates.length === 0)
    throw new HarnessError('E_COMBINATION', 'expected one module or more to judge, got none.');
  if (untrained && untrained.plans.length !== candidates.length)
    throw new HarnessError(
      'E_COMBINATION',
      `${untrained.plans.length} untrained plans for ${candidates.length} modules. Give one each.`,
    );
  const tests = candidates.map(({test}) => test);
  const accuracies = (subject: Network): Promise<number[]> =>
    sequentially(tests, (test) => accuracyOf(engine, subject, test));
  const without = (plan: Plan): Promise<number[]> => accuracies(maskedNetwork(network, complement(plan).parts));
  const full = await sequentially(candidates, ({reference, test}) => accuracyOf(engine, reference ?? network, test));
  const scale = new Scale(tests, full);
  const rows: EvidenceRow[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const {plan, test} = candidate;
    const size = planSize(plan);
    const base = {...rowBase(plan, test.name), layer: null};
    const add = (subject: EvidenceRow['subject'], ...measured: readonly Measured[]): void => {
      for (const one of measured)
        rows.push({...base, ...one, subject, status: one.value === null ? 'undefined' : 'ok'});
    };
    const alone = {against: null, reason: null, examples: 0} as const;
    add(
      'module',
      {...alone, measure: 'density', value: base.density},
      {...alone, measure: 'bits', value: size.bits},
      {...alone, measure: 'entropy-bits', value: size.entropyBits},
    );
    add('full', ...tests.map((_, j) => scale.accuracy(j, full)));

    const others = candidates.filter((_, j) => j !== i).map((other) => other.plan);
    const kept = await accuracies(applyPlan(network, plan));
    add('module', ...tests.map((_, j) => scale.accuracy(j, kept)));
    add('module', scale.sufficiency(i, kept), scale.exclusivity(i, kept));
    const fixed = whyNotRemovable(plan);
    const removed = fixed === null ? await without(plan) : null;
    if (removed) add('module', ...tests.map((_, j) => scale.accuracy(j, removed, 'accuracy-without')));
    add('module', ...scale.removal(i, removed, fixed));
    const why = fixed ?? others.map(whyNotRemovable).find((reason) => reason !== null) ?? null;
    const own = why === null ? await without(exclusivePart(plan, others)) : null;
    for (const measured of scale.removal(i, own, why)) {
      const necessity = measured.measure === 'necessity';
      add('module', {...measured, measure: necessity ? 'exclusive-part-necessity' : 'exclusive-part-selectivity'});
    }
    if (fixed === null) {
      for (const half of halfMasks(plan, seeds.fork('halves', i)))
        add('module', scale.sufficiency(i, await accuracies(maskedNetwork(network, half.parts)), 'half-sufficiency'));
    }
    for (let j = i + 1; j < candidates.length; j++) {
      const joined = together(network, plan, candidates[j]!.plan);
      if (joined) add('module', scale.composability(i, j, await accuracies(joined)));
    }
    // The same module under other names: what a measure gives that does not depend on whose module it is.
    for (let j = 0; j < tests.length; j++) {
      if (j === i) continue;
      add('shuffled-tasks', scale.sufficiency(j, kept), scale.exclusivity(j, kept));
      if (removed) add('shuffled-tasks', ...scale.removal(j, removed, null));
    }
    for (const control of candidate.controls ?? controlsOf(network, plan, seeds.fork('random', i), randomDraws)) {
      const with_ = await accuracies(applyPlan(network, control.plan));
      add(control.subject, scale.sufficiency(i, with_), scale.exclusivity(i, with_));
      if (whyNotRemovable(control.plan) === null)
        add(control.subject, ...scale.removal(i, await without(control.plan), null));
    }
    const fresh = untrained?.plans[i];
    if (untrained && fresh)
      add('untrained', scale.sufficiency(i, await accuracies(applyPlan(untrained.network, fresh))));
    judgement.report?.((i + 1) / candidates.length);
  }
  return rows;
}

async function sequentially<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
