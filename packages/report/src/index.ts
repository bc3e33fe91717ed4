export {accuracyHeatMap, type MatrixRow} from './charts/accuracy-heat-map.ts';
export {type ChartOptions, chartConfig, checkedSpec} from './charts/chart.ts';
export {confusionMatrix} from './charts/confusion-matrix.ts';
export {type Figure, figures, type Panel} from './charts/figures.ts';
export {type Change, type GrowthRow, growthTimeline} from './charts/growth-timeline.ts';
export {type LossRow, learningCurves} from './charts/learning-curves.ts';
export {type OverTasksRow, overTasks} from './charts/over-tasks.ts';
export {changeMarks, colours, type StrategyScale, strategyScale} from './charts/palette.ts';
export {type ComparisonRow, strategyComparison} from './charts/strategy-comparison.ts';
export {type AccuracyMatrix, accuracyMatrix, type Cell, cellAt} from './metrics/accuracy-matrix.ts';
export {
  accuracySoFar,
  averageAccuracy,
  averageAnytimeAccuracy,
  learningAccuracy,
  type MatrixEvidence,
} from './metrics/average-accuracy.ts';
export {
  type DetailEvidence,
  expectedCalibrationError,
  negativeLogLikelihood,
  topLabelBrierScore,
} from './metrics/calibration.ts';
export {balancedAccuracy, worstClassAccuracy} from './metrics/class-accuracy.ts';
export {
  bytesStored,
  type CostEvidence,
  parametersActive,
  parametersStored,
  type TaskCost,
  totalTime,
  trainingTime,
} from './metrics/cost.ts';
export {forgettingFromAnyPeak, forgettingFromEarlierPeak, forgettingSinceLearning} from './metrics/forgetting.ts';
export type {Metric, MetricValue} from './metrics/metric.ts';
export {type Evidence, metrics} from './metrics/metrics.ts';
export {type InferenceEvidence, taskInferenceAccuracy} from './metrics/task-inference.ts';
export {backwardTransfer, forwardTransfer} from './metrics/transfer.ts';
export {renderReport} from './page/render-report.ts';
export {buildReport, type Report} from './report.ts';
export {evidenceOf, type GrowthChange, type RunEvidence, type TaskSummary} from './runs/evidence.ts';
export type {Problem} from './runs/find-runs.ts';
export {type Arrangement, arrange, type Group, type Setting} from './runs/groups.ts';
export {type LoadedRuns, loadRuns} from './runs/load-runs.ts';
export type {LossPoint} from './runs/loss-curve.ts';
export {
  accuracyByClass,
  type ConfidenceBin,
  type Confusion,
  detailOf,
  type OutcomeDetail,
} from './runs/outcome-detail.ts';
export {type Tally, tallyOutcomes} from './runs/tally.ts';
export {bcaInterval, bootstrapInterval, type Interval} from './statistics/bootstrap.ts';
export {holmAdjusted} from './statistics/holm.ts';
export {mean, median, quantile, sampleSd} from './statistics/moments.ts';
export {normalCdf, normalQuantile} from './statistics/normal.ts';
export {averageRanks, ranks} from './statistics/ranks.ts';
export {notResolvable, type SignFlipTest, signFlipTest, smallestPossibleP} from './statistics/sign-flip.ts';
export {type Comparison, comparisons, type SeedValues} from './tables/comparisons.ts';
export {type ExportFormat, exportFormats, exportReport} from './tables/export-report.ts';
export {formatMeanSd, formatSeconds, formatValue} from './tables/format.ts';
export {type Leaderboard, type LeaderboardEntry, leaderboards} from './tables/leaderboard.ts';
export {type Row, type Table, toCsv, toRows, toTable} from './tables/rows.ts';
export {type SummaryRow, summarise} from './tables/summary.ts';
export {renderTextSummary} from './tables/text-summary.ts';
