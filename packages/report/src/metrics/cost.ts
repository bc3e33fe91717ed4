import type {Source} from '@accrete/kit';
import {mean} from '../statistics/moments.ts';
import {type Metric, type MetricValue, undefinedBecause} from './metric.ts';

/** Cost of one task, from its `task-end` event. */
export interface TaskCost {
  readonly task: number;
  /** Parameters stored after the task, frozen ones included. */
  readonly total: number;
  /** Parameters that the task's training moved. */
  readonly trainable: number;
  /** Parameters that one prediction for the task reads. */
  readonly active: number;
  /** Bytes stored after the task: parameters, and what the strategy keeps. */
  readonly bytes: number;
  readonly trainMs: number;
  readonly evaluateMs: number;
  readonly compileMs: number;
  readonly durationMs: number;
  /** Undefined where it was not measured, as of all below. */
  readonly cpuMs: number | undefined;
  readonly memoryPeakBytes: number | undefined;
  readonly flopsPerExample: number | undefined;
  readonly flopsActive: number | undefined;
}

/** What metrics of cost read. */
export interface CostEvidence {
  /** In order of tasks; shorter than `taskCount` where the run did not get to the end. */
  readonly costs: readonly TaskCost[];
  readonly taskCount: number;
}

const source: Source = {cite: "The run's own log: the task-end events"};

function whole(evidence: CostEvidence, f: (costs: readonly TaskCost[]) => number): MetricValue {
  const {costs, taskCount} = evidence;
  if (costs.length < taskCount || costs.length === 0) {
    return undefinedBecause(`${costs.length} of ${taskCount} tasks have ended`);
  }
  return {value: f(costs)};
}

/** `f` of a cost that not every run measures, one number per task. */
function measured(
  evidence: CostEvidence,
  name: 'cpuMs' | 'memoryPeakBytes' | 'flopsPerExample' | 'flopsActive',
  f: (values: readonly number[]) => number,
): MetricValue {
  const values = evidence.costs.flatMap((cost) => cost[name] ?? []);
  if (values.length < evidence.costs.length) return undefinedBecause(`the run did not measure ${name}`);
  return whole(evidence, () => f(values));
}

/** Parameters stored after the last task, frozen ones included. Range [0, ∞). */
export const parametersStored: Metric<CostEvidence> = {
  name: 'parameters',
  label: 'Parameters',
  summary: 'Parameters stored for all tasks after the last one, frozen ones included.',
  formula: 'total parameters at the end of task T-1',
  unit: 'parameters',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => whole(evidence, (costs) => costs.at(-1)!.total),
};

/** Parameters that one prediction for the last task reads. Range [0, ∞). */
export const parametersActive: Metric<CostEvidence> = {
  name: 'parameters-active',
  label: 'Active parameters',
  summary: 'Parameters that one prediction for the last task reads.',
  formula: 'active parameters at the end of task T-1',
  unit: 'parameters',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => whole(evidence, (costs) => costs.at(-1)!.active),
};

/** Bytes stored after the last task: parameters, buffers, importances, masks. Range [0, ∞). */
export const bytesStored: Metric<CostEvidence> = {
  name: 'bytes',
  label: 'Stored',
  summary: 'Bytes kept after the last task: parameters and what the strategy keeps, such as buffers and masks.',
  formula: 'stored bytes at the end of task T-1',
  unit: 'bytes',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => whole(evidence, (costs) => costs.at(-1)!.bytes),
};

/** Wall time of training over all tasks, without evaluation and compilation [s]. Range [0, ∞). */
export const trainingTime: Metric<CostEvidence> = {
  name: 'training-time',
  label: 'Training time',
  summary: 'Wall time of training, summed over tasks; evaluation and compilation are not in it.',
  formula: 'sum over tasks of the training time',
  unit: 's',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => whole(evidence, (costs) => costs.reduce((sum, cost) => sum + cost.trainMs, 0) / 1000),
};

/** Wall time of all tasks: training, evaluation, compilation and the rest [s]. Range [0, ∞). */
export const totalTime: Metric<CostEvidence> = {
  name: 'total-time',
  label: 'Total time',
  summary: 'Wall time of all tasks, with evaluation, compilation and everything else.',
  formula: "sum over tasks of the task's whole time",
  unit: 's',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => whole(evidence, (costs) => costs.reduce((sum, cost) => sum + cost.durationMs, 0) / 1000),
};

/** Processor time of all tasks, over all threads [s]. Range [0, ∞). */
export const processorTime: Metric<CostEvidence> = {
  name: 'cpu-time',
  label: 'CPU time',
  summary: 'Processor time of all tasks, over all threads of the process, evaluation and compilation included.',
  formula: "sum over tasks of the task's processor time",
  unit: 's',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => measured(evidence, 'cpuMs', (values) => values.reduce((sum, ms) => sum + ms, 0) / 1000),
};

/** Largest resident memory of the process up to the end of the last task [bytes]. Range [0, ∞). */
export const memoryPeak: Metric<CostEvidence> = {
  name: 'memory-peak',
  label: 'Memory peak',
  summary: 'Largest resident memory of the process that computed the run, data set and engine included.',
  formula: 'maximum over tasks of the peak at its end',
  unit: 'bytes',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => measured(evidence, 'memoryPeakBytes', (values) => Math.max(...values)),
};

/**
 * Floating-point operations of one prediction, the mean over tasks. Range [0, ∞).
 *
 * Source: what PyTorch's FlopCounterMode counts: matrix products and convolutions.
 */
export const operationsPerExample: Metric<CostEvidence> = {
  name: 'flops-per-example',
  label: 'FLOPs per example',
  summary:
    'Floating-point operations of one prediction, mean over tasks. Where the task has to be inferred, the paths of all tasks seen are run.',
  formula:
    'mean over tasks of the operations of one prediction: matrix products and convolutions, a multiply-add as two',
  unit: 'FLOPs',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => measured(evidence, 'flopsPerExample', mean),
};

/** Floating-point operations along the path of a task alone, the mean over tasks. Range [0, ∞). */
export const operationsActive: Metric<CostEvidence> = {
  name: 'flops-active',
  label: 'Active FLOPs',
  summary: "Floating-point operations of one prediction along the task's own path alone, mean over tasks.",
  formula:
    "mean over tasks of the operations along the task's path: matrix products and convolutions, a multiply-add as two",
  unit: 'FLOPs',
  range: [0, null],
  better: 'lower',
  source,
  compute: (evidence) => measured(evidence, 'flopsActive', mean),
};
