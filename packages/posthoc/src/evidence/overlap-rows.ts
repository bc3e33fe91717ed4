import type {EvidenceRow} from '@accrete/kit';
import {type Overlap, overlaps} from '../plan/compare.ts';
import type {Plan} from '../plan/plan.ts';
import {rowBase} from './row.ts';

/** A plan and the name of its module. */
export interface NamedPlan {
  readonly name: string;
  readonly plan: Plan;
}

/** Overlap of every two modules in every layer: plain, corrected for chance, and as a share of the smaller one. */
export function overlapRows(plans: readonly NamedPlan[]): readonly EvidenceRow[] {
  return plans.flatMap((first, i) =>
    plans
      .slice(i + 1)
      .flatMap((second) =>
        overlaps(first.plan, second.plan).flatMap((overlap) => [
          row(first, second.name, overlap, 'overlap-iou', overlap.iou),
          row(first, second.name, overlap, 'overlap-corrected', overlap.corrected),
          row(first, second.name, overlap, 'overlap-io-min', overlap.ioMin),
        ]),
      ),
  );
}

/**
 * Agreement of modules of one task that differ in the seed of their extraction only, corrected for chance, per layer. Where it is not
 * far above the overlap of different tasks, overlaps mean nothing.
 */
export function stabilityRows(name: string, plans: readonly Plan[]): readonly EvidenceRow[] {
  return plans.flatMap((first, i) =>
    plans
      .slice(i + 1)
      .flatMap((second) =>
        overlaps(first, second).map((overlap) =>
          row({name, plan: first}, `seed ${second.provenance.seed}`, overlap, 'stability-corrected', overlap.corrected),
        ),
      ),
  );
}

function row(
  {name, plan}: NamedPlan,
  against: string,
  {path}: Overlap,
  measure: EvidenceRow['measure'],
  value: number | null,
): EvidenceRow {
  return {
    ...rowBase(plan, name),
    subject: 'module',
    measure,
    against,
    layer: path,
    status: value === null ? 'undefined' : 'ok',
    reason: value === null ? 'every two masks of these densities are the same' : null,
    value,
    examples: 0,
  };
}
