import type {Engine} from '@accrete/engine';
import type {EventBody} from '@accrete/kit';
import {diagnosisOf} from '../diagnostics/failure.ts';
import {diagnoseHardening} from '../diagnostics/hardening.ts';
import {diagnoseOverfit, diagnoseSummaries} from '../diagnostics/summaries.ts';
import {type RoutingSummary, routingTally} from '../diagnostics/tally.ts';
import type {Network} from '../network/network.ts';
import type {Path} from '../network/path.ts';
import {routers} from '../routing/registry.ts';
import type {JointBatch} from './joint-batch.ts';
import {jointEvaluator} from './joint-evaluator.ts';

/** What joint training is looked at with. */
export interface JointDiagnosisRequest {
  readonly engine: Engine;
  readonly network: Network;
  /** The path of all tasks together. */
  readonly path: Path;
  /** Rows of a batch. */
  readonly rows: number;
  /** Examples that training has not seen. */
  readonly held: Iterable<JointBatch>;
  /** Examples of training; without them `router-overfit` is left out. */
  readonly trained?: Iterable<JointBatch>;
}

/**
 * How routing does in a network that was trained jointly, as events of a run's log: a `routing` event per site and task, then a
 * `diagnosis` event per site and failure, and for the network as a whole `soft-hard-gap`, where a router is soft. `afterTask` is the
 * last of the path's tasks.
 */
export async function* diagnoseJointly(request: JointDiagnosisRequest): AsyncGenerator<EventBody, void, void> {
  const {path, held, trained} = request;
  const afterTask = Math.max(...path.tasks);
  const batches = [...held];
  const seen = await answered(request, batches, false);
  for (const summary of seen.routing) yield {type: 'routing', afterTask, ...summary};
  const found = [...diagnoseSummaries(seen.routing)];
  if (trained) found.push(...diagnoseOverfit((await answered(request, trained, false)).routing, seen.routing));
  const soft = path.spec.sites.some(
    ({modules, routing}) => modules.length > 1 && routers.parse(routing).scores === 'soft',
  );
  if (soft) {
    const hard = await answered(request, batches, true);
    const loss = diagnoseHardening(seen.predictions, hard.predictions, seen.labels);
    if (loss) found.push(diagnosisOf('soft-hard-gap', loss.gap));
  }
  for (const diagnosis of found) yield {type: 'diagnosis', afterTask, ...diagnosis};
}

/** What the network says of all rows that are there, and how they were routed. */
async function answered(
  {engine, network, path, rows}: JointDiagnosisRequest,
  batches: Iterable<JointBatch>,
  hardened: boolean,
): Promise<{
  readonly predictions: readonly number[];
  readonly labels: readonly number[];
  readonly routing: readonly RoutingSummary[];
}> {
  const evaluator = await jointEvaluator(engine, network, path, rows, {hardened});
  const tally = routingTally();
  const [predictions, labels]: [number[], number[]] = [[], []];
  try {
    for (const batch of batches) {
      const outcome = await evaluator.evaluate(batch);
      const there = (r: number): boolean => batch.weights?.[r] !== 0;
      const tasks = outcome.predictions.map((_, r) => (there(r) ? path.tasks[batch.tasks[r]!]! : null));
      for (const [site, alpha] of Object.entries(outcome.routes)) tally.add(path, site, alpha, tasks);
      outcome.predictions.forEach((label, r) => {
        if (!there(r)) return;
        predictions.push(label);
        labels.push(batch.labels[r]!);
      });
    }
    return {predictions, labels, routing: tally.summary()};
  } finally {
    evaluator.dispose();
  }
}
