import {accuracyByClass} from '../runs/outcome-detail.ts';
import {mean} from '../statistics/moments.ts';
import {type DetailEvidence, fromDetail} from './calibration.ts';
import type {Metric} from './metric.ts';

/**
 * Mean accuracy over classes: what ACC would be, were all classes equally frequent.
 *
 *   BA = mean_c (examples of class c predicted as c / examples of class c)                            in [0, 1]
 *
 * Source: Brodersen et al. 2010, https://doi.org/10.1109/ICPR.2010.764, for any number of classes.
 */
export const balancedAccuracy: Metric<DetailEvidence> = {
  name: 'balanced-acc',
  label: 'Balanced ACC',
  summary: 'Mean over classes of the accuracy on the class, after the last task.',
  formula: 'mean over classes c of (examples of c predicted as c / examples of c)',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {
    cite: 'Brodersen et al. 2010',
    url: 'https://doi.org/10.1109/ICPR.2010.764',
    deviations: ['for any number of classes, not two'],
  },
  compute: (evidence) => fromDetail(evidence, ({classes}) => ({value: mean([...accuracyByClass(classes).values()])})),
};

/**
 * Accuracy on the class that is answered worst: 0 as soon as one class is wholly forgotten.
 *
 *   WCA = min_c (examples of class c predicted as c / examples of class c)                            in [0, 1]
 *
 * Source: Sagawa et al. 2020, https://arxiv.org/abs/1911.08731 (worst-group accuracy), with classes as groups.
 */
export const worstClassAccuracy: Metric<DetailEvidence> = {
  name: 'worst-class-acc',
  label: 'Worst class',
  summary: 'Accuracy on the class that is answered worst, after the last task.',
  formula: 'min over classes c of (examples of c predicted as c / examples of c)',
  unit: 'fraction',
  range: [0, 1],
  better: 'higher',
  source: {
    cite: 'Sagawa et al. 2020 (worst-group accuracy)',
    url: 'https://arxiv.org/abs/1911.08731',
    deviations: ['groups are classes'],
  },
  compute: (evidence) => fromDetail(evidence, ({classes}) => ({value: Math.min(...accuracyByClass(classes).values())})),
};
