import {mean} from '../statistics/moments.ts';
import {type AccuracyMatrix, cellAt} from './accuracy-matrix.ts';
import {fromCells, type Metric, type MetricValue, undefinedBecause} from './metric.ts';

/** What metrics of learning and forgetting read. */
export interface MatrixEvidence {
  readonly matrix: AccuracyMatrix;
}

const indices = (count: number): number[] => Array.from({length: count}, (_, i) => i);

/**
 * Average accuracy on all tasks after the last one.
 *
 *   ACC = mean_j R[T-1][j]                                                                          in [0, 1]
 *
 * Source: Lopez-Paz and Ranzato 2017, https://arxiv.org/abs/1706.08840, section 2.
 */
export const averageAccuracy: Metric<MatrixEvidence> = {
  name: 'acc',
  label: 'ACC',
  summary: 'Average accuracy over all tasks after the last one was trained.',
  formula: 'mean over j of R[T-1][j]',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {cite: 'Lopez-Paz and Ranzato 2017, section 2', url: 'https://arxiv.org/abs/1706.08840'},
  compute: ({matrix}) => {
    if (matrix.tasks === 0) return undefinedBecause('the stream has no task');
    return fromCells(
      indices(matrix.tasks).map((j) => cellAt(matrix, matrix.tasks - 1, j)),
      mean,
    );
  },
};

/**
 * Mean accuracy on the tasks seen so far, after task `afterTask`.
 *
 *   A[i] = mean_{j <= i} R[i][j]                                                                     in [0, 1]
 */
export function accuracySoFar(matrix: AccuracyMatrix, afterTask: number): MetricValue {
  return fromCells(
    indices(afterTask + 1).map((j) => cellAt(matrix, afterTask, j)),
    mean,
  );
}

/**
 * Average anytime accuracy: how good the network was at every moment, on what it had met by then.
 *
 *   AAA = mean_i mean_{j <= i} R[i][j]                                                              in [0, 1]
 *
 * Source: Rebuffi et al. 2017, https://arxiv.org/abs/1611.07725, where it is the "average incremental accuracy".
 * Deviations: none; with evaluations within tasks, which this does not read, others call its like "average anytime accuracy".
 */
export const averageAnytimeAccuracy: Metric<MatrixEvidence> = {
  name: 'anytime-acc',
  label: 'Anytime ACC',
  summary: 'Average, over the moments after each task, of the mean accuracy on the tasks met by then.',
  formula: 'mean over i of (mean over j <= i of R[i][j])',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {cite: 'Rebuffi et al. 2017 ("average incremental accuracy")', url: 'https://arxiv.org/abs/1611.07725'},
  compute: ({matrix}) => {
    if (matrix.tasks === 0) return undefinedBecause('the stream has no task');
    const moments = indices(matrix.tasks).map((i) => accuracySoFar(matrix, i));
    const gaps = moments.filter((moment) => moment.value === null);
    const gap = gaps.find((moment) => 'status' in moment && moment.status === 'non-finite') ?? gaps[0];
    return gap ?? {value: mean(moments.map((moment) => moment.value ?? 0))};
  },
};

/**
 * Learning accuracy: how well each task was learnt at the time it was trained.
 *
 *   LA = mean_j R[j][j]                                                                             in [0, 1]
 *
 * Source: Riemer et al. 2019, https://arxiv.org/abs/1810.11910.
 */
export const learningAccuracy: Metric<MatrixEvidence> = {
  name: 'learning-acc',
  label: 'Learning ACC',
  summary: 'Average accuracy on each task right after it was trained: plasticity.',
  formula: 'mean over j of R[j][j]',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {cite: 'Riemer et al. 2019', url: 'https://arxiv.org/abs/1810.11910'},
  compute: ({matrix}) => {
    if (matrix.tasks === 0) return undefinedBecause('the stream has no task');
    return fromCells(
      indices(matrix.tasks).map((j) => cellAt(matrix, j, j)),
      mean,
    );
  },
};
