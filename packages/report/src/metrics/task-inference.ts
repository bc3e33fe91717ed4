import type {Tally} from '../runs/tally.ts';
import {mean} from '../statistics/moments.ts';
import {type Metric, undefinedBecause} from './metric.ts';

/** What the metric of task inference reads. */
export interface InferenceEvidence {
  readonly scenario: string;
  /** Counts by task after the last task; undefined where the run did not get there. */
  readonly finalTallies: readonly Tally[] | undefined;
}

/**
 * Task-inference accuracy after the last task: how often the network takes an example to belong to its own task.
 *
 *   TIA = mean_j (examples of task j taken for task j / examples of task j)                         in [0, 1]
 *
 * Undefined where the scenario gives the task away, and where the network names no task.
 *
 * Source: methods.md 5.0; accuracy without the task is about the sum over tasks of P(task right) * accuracy within the task.
 */
export const taskInferenceAccuracy: Metric<InferenceEvidence> = {
  name: 'task-inference-acc',
  label: 'Task inference',
  summary: 'How often the network assigns an example to the task it comes from, after the last task.',
  formula: 'mean over j of (examples of task j taken for task j / examples of task j)',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {cite: 'Kim et al. 2022 (within-task and task-id prediction)', url: 'https://arxiv.org/abs/2211.02633'},
  compute: ({scenario, finalTallies}) => {
    if (scenario === 'task-incremental') return undefinedBecause('the scenario gives the task to the network');
    if (!finalTallies?.length) return undefinedBecause('there are no outcomes after the last task');
    const shares: number[] = [];
    for (const [task, tally] of finalTallies.entries()) {
      if (tally.examples === 0) return undefinedBecause(`task ${task} has no outcomes after the last task`);
      if (tally.nonFinite > 0) {
        return {
          value: null,
          status: 'non-finite',
          reason: `task ${task}: logits that are not finite after the last task`,
        };
      }
      if (tally.notInferred > 0) return undefinedBecause('the network names no task for some examples');
      shares.push(tally.inferredRight / tally.examples);
    }
    return {value: mean(shares)};
  },
};
