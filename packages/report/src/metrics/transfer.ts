import {mean} from '../statistics/moments.ts';
import {cellAt} from './accuracy-matrix.ts';
import type {MatrixEvidence} from './average-accuracy.ts';
import {fromCells, type Metric, undefinedBecause} from './metric.ts';

/** The mean of first - second over a flat list of such pairs. */
function meanDifference(values: readonly number[]): number {
  const differences: number[] = [];
  for (let i = 0; i < values.length; i += 2) differences.push(values[i]! - values[i + 1]!);
  return mean(differences);
}

/**
 * Backward transfer: what later tasks did to earlier ones; negative is forgetting.
 *
 *   BWT = mean_{j < T-1} (R[T-1][j] - R[j][j])                                                      in [-1, 1]
 *
 * Source: Lopez-Paz and Ranzato 2017, https://arxiv.org/abs/1706.08840, section 2.
 */
export const backwardTransfer: Metric<MatrixEvidence> = {
  name: 'bwt',
  label: 'BWT',
  summary: 'Change of the accuracy on earlier tasks from when they were trained to the end; negative is forgetting.',
  formula: 'mean over j < T-1 of (R[T-1][j] - R[j][j])',
  unit: 'fraction',
  range: [-1, 1],
  better: 'higher',
  source: {cite: 'Lopez-Paz and Ranzato 2017, section 2', url: 'https://arxiv.org/abs/1706.08840'},
  compute: ({matrix}) => {
    const last = matrix.tasks - 1;
    if (last < 1) return undefinedBecause('needs at least two tasks');
    const pairs = Array.from({length: last}, (_, j) => [cellAt(matrix, last, j), cellAt(matrix, j, j)]);
    return fromCells(pairs.flat(), meanDifference);
  },
};

/**
 * Forward transfer against the untrained network: what earlier tasks did for a task before it was trained.
 *
 *   FWT = mean_{j >= 1} (R[j-1][j] - R[-1][j])                                                      in [-1, 1]
 *
 * The baseline is the same network before any training, as in the source. Undefined where a task has no answer before
 * its training, as with heads that come with the task.
 *
 * Source: Lopez-Paz and Ranzato 2017, https://arxiv.org/abs/1706.08840, section 2.
 */
export const forwardTransfer: Metric<MatrixEvidence> = {
  name: 'fwt-untrained',
  label: 'FWT (untrained)',
  summary: 'Accuracy on a task just before it is trained, less that of the untrained network on the same task.',
  formula: 'mean over j >= 1 of (R[j-1][j] - R[-1][j]); baseline: the untrained network of the same run',
  unit: 'fraction',
  range: [-1, 1],
  better: 'higher',
  source: {cite: 'Lopez-Paz and Ranzato 2017, section 2', url: 'https://arxiv.org/abs/1706.08840'},
  compute: ({matrix}) => {
    if (matrix.tasks < 2) return undefinedBecause('needs at least two tasks');
    const pairs = Array.from({length: matrix.tasks - 1}, (_, k) => [
      cellAt(matrix, k, k + 1),
      cellAt(matrix, -1, k + 1),
    ]);
    return fromCells(pairs.flat(), meanDifference);
  },
};
