import {HarnessError, type Outcomes} from '@accrete/kit';

/** Counts over the examples of one task in one evaluation. */
export interface Tally {
  readonly examples: number;
  readonly correct: number;
  /** Examples whose logits were not finite. */
  readonly nonFinite: number;
  /** Examples that the network took to belong to their own task. */
  readonly inferredRight: number;
  /** Examples for which the network named no task. */
  readonly notInferred: number;
}

/**
 * Counts by task, from the raw outcomes of one evaluation: one pass over typed arrays, no row objects.
 *
 * @param tasks number of tasks of the stream; the result has one tally per task, with `examples` 0 where none was seen.
 * @throws HarnessError E_RECORD where an outcome names a task that the stream does not have.
 */
export function tallyOutcomes(outcomes: Outcomes, tasks: number, where = 'outcomes'): Tally[] {
  const {evalTask, label, prediction, inferredTask} = outcomes;
  const counts = {
    examples: new Int32Array(tasks),
    correct: new Int32Array(tasks),
    nonFinite: new Int32Array(tasks),
    inferredRight: new Int32Array(tasks),
    notInferred: new Int32Array(tasks),
  };
  for (let row = 0; row < evalTask.length; row++) {
    const task = evalTask[row]!;
    if (task < 0 || task >= tasks) {
      throw new HarnessError(
        'E_RECORD',
        `${where}, row ${row}: expected a task from 0 to ${tasks - 1}, got ${task}. Resume the run to write it again.`,
        {where, row, task},
      );
    }
    counts.examples[task]!++;
    if (prediction[row]! < 0) counts.nonFinite[task]!++;
    else if (prediction[row] === label[row]) counts.correct[task]!++;
    if (inferredTask[row]! < 0) counts.notInferred[task]!++;
    else if (inferredTask[row] === task) counts.inferredRight[task]!++;
  }
  return Array.from({length: tasks}, (_, task) => ({
    examples: counts.examples[task]!,
    correct: counts.correct[task]!,
    nonFinite: counts.nonFinite[task]!,
    inferredRight: counts.inferredRight[task]!,
    notInferred: counts.notInferred[task]!,
  }));
}

/** The task after which an outcome file was written: -1 for `before.arrow`, 3 for `after-003.arrow`, undefined for other names. */
export function afterTaskOf(file: string): number | undefined {
  if (file === 'before.arrow') return -1;
  const digits = /^after-(\d+)\.arrow$/.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
