import type {OutcomeDetail} from '../runs/outcome-detail.ts';
import {type Metric, type MetricValue, undefinedBecause} from './metric.ts';

/** What metrics of single predictions read: the outcomes after the last task, all tasks together. */
export interface DetailEvidence {
  /** Undefined where the run did not get there. */
  readonly finalDetail: OutcomeDetail | undefined;
  readonly taskCount: number;
}

/** `f` of the outcomes, where each task has some and all are finite. */
export function fromDetail({finalDetail, taskCount}: DetailEvidence, f: (detail: OutcomeDetail) => MetricValue) {
  if (!finalDetail || finalDetail.examples === 0) {
    return undefinedBecause('there are no outcomes after the last task');
  }
  const {nonFinite, examples} = finalDetail;
  if (nonFinite > 0) {
    const reason = `after the last task: ${nonFinite} of ${examples} examples have logits that are not finite`;
    return {value: null, status: 'non-finite', reason} as const;
  }
  const met = new Set(finalDetail.tasks.map(({truth}) => truth)).size;
  if (met < taskCount) return undefinedBecause(`after the last task: outcomes for ${met} of ${taskCount} tasks`);
  return f(finalDetail);
}

/**
 * Expected calibration error: how far confidence is from accuracy, over 15 bins of equal width.
 *
 *   ECE = sum_b (n[b] / n) |acc[b] - conf[b]|                                                        in [0, 1]
 *
 * Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3, with M = 15 as in its experiments.
 */
export const expectedCalibrationError: Metric<DetailEvidence> = {
  name: 'ece',
  label: 'ECE',
  summary: 'How far the confidence of predictions is from their accuracy, after the last task, all tasks together.',
  formula: 'sum over 15 bins b of equal width of (n[b] / n) |accuracy in b - mean confidence in b|',
  unit: 'fraction',
  range: [0, 1],
  better: 'lower',
  source: {cite: 'Guo et al. 2017, equation 3, 15 bins', url: 'https://arxiv.org/abs/1706.04599'},
  compute: (evidence) =>
    fromDetail(evidence, ({bins, examples}) => ({
      value: bins.reduce((sum, bin) => sum + Math.abs(bin.correct - bin.confidence), 0) / examples,
    })),
};

/**
 * Negative log-likelihood of the true classes: 0 where all are certain and right.
 *
 *   NLL = -(1/n) sum_i ln p[i][label[i]]                                                     [nats] in [0, ∞)
 *
 * Undefined where a label was not among the classes offered: its likelihood is 0 by construction.
 *
 * Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 6.
 */
export const negativeLogLikelihood: Metric<DetailEvidence> = {
  name: 'nll',
  label: 'NLL',
  summary: 'Mean negative log-likelihood of the true class, after the last task, all tasks together.',
  formula: '-(1/n) sum over examples i of ln p[i][label of i]',
  unit: 'nats',
  range: [0, null],
  better: 'lower',
  source: {cite: 'Guo et al. 2017, equation 6', url: 'https://arxiv.org/abs/1706.04599'},
  compute: (evidence) =>
    fromDetail(evidence, ({loss, examples, impossible}) =>
      impossible > 0
        ? undefinedBecause(
            `after the last task: ${impossible} of ${examples} examples have a class that was not offered`,
          )
        : {value: loss / examples},
    ),
};

/**
 * Brier score of the predicted class alone; outcomes do not hold the other probabilities.
 *
 *   B = (1/n) sum_i (conf[i] - [prediction[i] = label[i]])^2                                          in [0, 1]
 *
 * Source: Brier 1950, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. Deviations: of the event "the
 * prediction is right" alone, not summed over all classes.
 */
export const topLabelBrierScore: Metric<DetailEvidence> = {
  name: 'brier-top-label',
  label: 'Brier (top label)',
  summary:
    'Mean squared difference between the confidence of a prediction and whether it is right, after the last task.',
  formula: '(1/n) sum over examples i of (confidence of i - [prediction of i is right])^2',
  unit: 'fraction',
  range: [0, 1],
  better: 'lower',
  source: {
    cite: 'Brier 1950',
    url: 'https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2',
    deviations: ['of the predicted class alone: outcomes do not hold the probabilities of the others'],
  },
  compute: (evidence) => fromDetail(evidence, ({squaredError, examples}) => ({value: squaredError / examples})),
};
