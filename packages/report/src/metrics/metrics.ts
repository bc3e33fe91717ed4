import {averageAccuracy, averageAnytimeAccuracy, learningAccuracy, type MatrixEvidence} from './average-accuracy.ts';
import {
  type DetailEvidence,
  expectedCalibrationError,
  negativeLogLikelihood,
  topLabelBrierScore,
} from './calibration.ts';
import {balancedAccuracy, worstClassAccuracy} from './class-accuracy.ts';
import {bytesStored, type CostEvidence, parametersActive, parametersStored, totalTime, trainingTime} from './cost.ts';
import {forgettingFromAnyPeak, forgettingFromEarlierPeak, forgettingSinceLearning} from './forgetting.ts';
import type {Metric} from './metric.ts';
import {type InferenceEvidence, taskInferenceAccuracy} from './task-inference.ts';
import {backwardTransfer, forwardTransfer} from './transfer.ts';

/** Everything that metrics read of one run. */
export type Evidence = MatrixEvidence & InferenceEvidence & DetailEvidence & CostEvidence;

/** Every metric of the report, in the order of its tables. A new metric joins the report by joining this list. */
export const metrics: readonly Metric<Evidence>[] = [
  averageAccuracy,
  averageAnytimeAccuracy,
  learningAccuracy,
  backwardTransfer,
  forwardTransfer,
  forgettingSinceLearning,
  forgettingFromEarlierPeak,
  forgettingFromAnyPeak,
  taskInferenceAccuracy,
  balancedAccuracy,
  worstClassAccuracy,
  expectedCalibrationError,
  negativeLogLikelihood,
  topLabelBrierScore,
  parametersStored,
  parametersActive,
  bytesStored,
  trainingTime,
  totalTime,
];
