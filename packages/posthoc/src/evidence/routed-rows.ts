import type {Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import type {EvidenceRow} from '@accrete/kit';
import type {TaskData} from '../data/examples.ts';
import {keptOf} from '../extract/ranking.ts';
import {type Chooser, routedLogits} from '../partition/routed.ts';
import type {Plan} from '../plan/plan.ts';
import {accuracyFrom, accuracyOf, taskPath} from '../training/logits.ts';
import {rowBase} from './row.ts';
import {Scale} from './scale.ts';

/**
 * What is left of a task when only a share of the groups works, chosen for every example: sufficiency of the plan's own router, and
 * beside it that of groups dealt at random with a router made in the same way. The network itself is the reference.
 *
 * @param control the plan of the random groups.
 */
export async function routedRows(
  engine: Engine,
  network: Network,
  {plan, control, test}: {readonly plan: Plan; readonly control: Plan; readonly test: TaskData},
  share: number,
): Promise<readonly EvidenceRow[]> {
  const path = taskPath(network, test.task);
  const active = keptOf(Math.min(...plan.partitions.map(({groups}) => groups)), share);
  const scale = new Scale([test], [await accuracyOf(engine, network, test)]);
  const routed = async (of: Plan, subject: EvidenceRow['subject'], chooser: Chooser): Promise<EvidenceRow> => {
    const {logits} = await routedLogits(engine, network, of, test, active, chooser);
    const measured = scale.sufficiency(0, [accuracyFrom(logits, path, test)], 'routed-sufficiency');
    const status = measured.value === null ? 'undefined' : 'ok';
    return {...rowBase(plan, test.name), ...measured, subject, layer: null, asked: share, density: share, status};
  };
  return [await routed(plan, 'module', 'router'), await routed(control, 'random', 'router')];
}
