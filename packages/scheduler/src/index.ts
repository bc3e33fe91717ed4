export {type Bench, createBench} from './executors/compute.ts';
export type {ExecutionOptions, Job, JobObserver, JobResult} from './executors/job.ts';
export {executeLocally, type LocalOptions} from './executors/local.ts';
export {executeOnSlurm, type SlurmOptions} from './executors/slurm.ts';
export {defineExperiment, type Experiment, type ExperimentInput, experimentSchema} from './experiment/experiment.ts';
export {taskInferences} from './inference/registry.ts';
export type {ImageInference, InferenceRequest, LogitInference, TaskInference} from './inference/task-inference.ts';
export {describeEnvironment} from './record/environment.ts';
export {type Recorded, type RecordOptions, readRunConfig, recordRun} from './record/record-run.ts';
export {type Checkpoint, type Cursor, decodeCheckpoint, encodeCheckpoint, type TaskPlan} from './run/checkpoint.ts';
export {
  parseRunConfig,
  type Resolution,
  type RunConfig,
  type RunConfigInput,
  resolve,
  runConfigSchema,
  runHash,
  runName,
} from './run/config.ts';
export {type Resources, type RunItem, run} from './run/run.ts';
export {type LoadedStart, loadStart, type Start} from './run/start.ts';
export {strategies} from './strategies/registry.ts';
export {
  type BatchTensors,
  type Carry,
  type Change,
  type Context,
  emptyState,
  type GrowthNote,
  type LossTensors,
  type Phase,
  type Plan,
  type Reads,
  type Recognition,
  type Rehearsal,
  type Span,
  type StepContext,
  type StepPart,
  type StepTaken,
  type StepTensors,
  type Strategy,
  type StrategyState,
} from './strategies/strategy.ts';
export {streams} from './streams/registry.ts';
export {
  fillImages,
  type Part,
  type Reward,
  type Row,
  type Scenario,
  type Stream,
  type StreamSource,
  scenarios,
  type Task,
  type Transform,
  targetOf,
  withholdsTask,
} from './streams/stream.ts';
