import type {Network, Path} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import type {ArraySpec, EventOf, HostArray, Json, SeedStream} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import type {Part, Row, Stream, Task} from '../streams/stream.ts';

/**
 * What a strategy carries from step to step and task to task: plain data, so that it can be stored and resumed.
 * Replaced, never written into.
 */
export interface StrategyState {
  readonly values: Readonly<Record<string, Json>>;
  readonly arrays: Readonly<Record<string, HostArray>>;
}

/** Something that happened to modules, for the log: a `growth` event without its task. */
export type GrowthNote = Omit<EventOf<'growth'>, 'type' | 'seq' | 'time' | 'task'>;

/** What every hook is told. */
export interface Context {
  readonly task: Task;
  readonly stream: Stream;
  readonly network: Network;
  readonly state: StrategyState;
  /** A stream of this strategy's own, forked by task and occasion. */
  readonly seeds: SeedStream;
}

/** A stretch of training on one task. */
export interface Phase {
  readonly name: string;
  readonly epochs: number;
}

/** What a strategy changes between stretches of training. Absent parts stay as they are. */
export interface Change {
  readonly network?: Network;
  readonly state?: StrategyState;
  readonly growth?: readonly GrowthNote[];
}

/** What a strategy makes of a phase that is to begin. */
export interface Entry extends Change {
  /** True to leave the phase out: there is nothing to train. */
  readonly skip?: boolean;
}

/** What a strategy wants of a task. */
export interface Plan extends Change {
  /** The stretches of training; one phase `train` of the configured epochs where absent. */
  readonly phases?: readonly Phase[];
  /** Paths of parameters that must not move in this task although their module is not frozen. */
  readonly still?: readonly string[];
}

/** A network that might become the task's. */
export interface Candidate {
  /** Names it in the log. */
  readonly name: string;
  readonly network: Network;
  /** The stretches of training; those of the plan where absent. */
  readonly phases?: readonly Phase[];
}

/** What came of a candidate. */
export interface Trial {
  /** As trained. */
  readonly network: Network;
  /** On the task's validation examples; null where training or predictions were not finite. */
  readonly accuracy: number | null;
}

/** How a search ended. */
export interface Choice extends Change {
  /** Name of the candidate that the task goes on with, as its trial left it unless `network` says otherwise. */
  readonly chosen: string;
  readonly reason: string;
}

/** What a search is told. */
export interface SearchContext extends Context {
  /**
   * What reaches the head along the path of an earlier task, whose modules must all be frozen, for examples of the task under
   * way: [examples, width], row by row.
   */
  featuresAlong(
    earlier: number,
    part: 'train' | 'validation',
    examples: readonly number[],
  ): Promise<{readonly width: number; readonly data: Float32Array}>;
  /** Target class of an example of the task under way. */
  labelOf(part: 'train' | 'validation', example: number): number;
}

/** Consecutive rows of a batch. */
export interface Span {
  readonly from: number;
  readonly rows: number;
}

/** What a step is compiled for. A batch holds the task's own rows first, then those that each strategy rehearses, in their order. */
export interface StepContext extends Context {
  readonly path: Path;
  /** Local names of the parameters that move. */
  readonly trainable: readonly string[];
  /** Where the task's own rows stand in a batch. */
  readonly own: Span;
  /** Where the rows stand that this strategy rehearses. */
  readonly rehearsed: Span;
  /** Steps of an epoch. */
  readonly steps: number;
}

/** A batch on the device. Batches that come short are filled up with rows of weight 0. */
export interface BatchTensors {
  /** The logit of each row's target, int32 [batch]. */
  readonly columns: Tensor;
  /** 1 for a row that is there, 0 for one that fills the batch up, [batch]. */
  readonly weights: Tensor;
  /** The arrays that the part asked for, by their names there. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** What `rehearse` sent along with the rows, by the names in `feeds`; zeros where it sent nothing. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** The network on a batch, as a function of its parameters. Parameters go by their local names on the path. */
export interface StepTensors extends BatchTensors {
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** The carried arrays before the step, by their names in the part. */
  readonly carried: Readonly<Record<string, Tensor>>;
  /** [batch, classes on the path] */
  readonly logits: Tensor;
  /** What reaches the head, [batch, units]. */
  readonly features: Tensor;
  /** What reaches each site that is computed in the step, by its id, [batch, ..., inputs]. */
  readonly hidden: Readonly<Record<string, Tensor>>;
  /** The task loss of each row [nats], [batch]. */
  readonly losses: Tensor;
  /**
   * Logits of the batch's images with other parameters, [batch, classes of `segments`].
   *
   * @param parameters by their local names, those of other segments may be absent.
   * @param segments indices of head segments on the path, in the order of the logits wanted.
   */
  logitsOf(parameters: Readonly<Record<string, Tensor>>, segments: readonly number[]): Tensor;
  /** What reaches the head with other parameters, [batch, units]. */
  featuresOf(parameters: Readonly<Record<string, Tensor>>): Tensor;
  /** As in `LossTensors`. */
  readonly gradientsOf: LossTensors['gradientsOf'];
}

/** The task loss before the step, with its gradients wherever they are wanted. Parameters go by their local names. */
export interface LossTensors extends BatchTensors {
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** The task loss of some rows with other trainable parameters [nats], [rows]. */
  lossesOf(trainable: Readonly<Record<string, Tensor>>, span: Span): Tensor;
  /** Gradients of the mean task loss over some rows, of every trainable parameter. */
  gradientsOf(span: Span): Readonly<Record<string, Tensor>>;
}

/** A step that was taken, by what came of it. Parameters go by their local names on the path. */
export interface StepTaken {
  /** Trainable parameters before the step and after it, every update included. */
  readonly before: Readonly<Record<string, Tensor>>;
  readonly after: Readonly<Record<string, Tensor>>;
  /** Gradients of the task loss alone, at `before`: no strategy's term is in them. Computed where it is read. */
  readonly lossGradients: Readonly<Record<string, Tensor>>;
  /** The carried arrays before the step, by their names in the part. */
  readonly carried: Readonly<Record<string, Tensor>>;
  /** Gradients of loss and terms with respect to the carried arrays that are `learned`. */
  readonly carriedGradients: Readonly<Record<string, Tensor>>;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/**
 * What a strategy adds to the compiled training step. Functions are called in the order in which they stand here; where several
 * strategies have the same one, each sees what those before it in the list have made.
 */
export interface StepPart {
  /** All that the functions below depend on, apart from shapes; equal keys must mean equal functions. */
  readonly key: Json;
  /** Arrays that the step reads, fixed for the phase. */
  readonly inputs: Readonly<Record<string, HostArray>>;
  /** Arrays that come anew with every batch, from `rehearse`. */
  readonly feeds?: Readonly<Record<string, ArraySpec>>;
  /** Which logits each row may use in the task loss: 1 or 0, [batch, classes on the path]; a constant to gradients. */
  allowed?(tensors: BatchTensors): Tensor;
  /** Parameters that the network computes with in place of those of the same local name. Gradients flow through it. */
  effective?(
    parameters: StepTensors['parameters'],
    tensors: Pick<StepTensors, 'inputs' | 'carried'>,
  ): Readonly<Record<string, Tensor>>;
  /** Rows that the task loss leaves out and nothing looks at, but for `direct` by `gradientsOf`. */
  readonly apart?: Span;
  /** What each row counts for in the task loss, given what it counts for so far, [batch]; a constant to gradients. */
  weigh?(weights: Tensor, tensors: LossTensors): Tensor;
  /** The task loss of each row [nats], [batch], in place of what it is so far: `losses`, at first the cross-entropy. */
  losses?(tensors: StepTensors): Tensor;
  /** Added to the task loss [nats]; a scalar. */
  term?(tensors: StepTensors): Tensor;
  /** Read back to the host after every step, for `observe`. */
  reads?(tensors: StepTensors): Readonly<Record<string, Tensor>>;
  /** What the optimiser gets in place of the gradients; every one. */
  direct?(gradients: Readonly<Record<string, Tensor>>, tensors: LossTensors): Readonly<Record<string, Tensor>>;
  /** What a parameter becomes, given what the optimiser would make of it. */
  update?(local: string, before: Tensor, after: Tensor, tensors: Pick<StepTensors, 'inputs' | 'carried'>): Tensor;
  /** Arrays of the state that every step makes anew. */
  readonly carry?: Carry;
}

/**
 * Float32 arrays that go from step to step on the device. The state holds them as they were at the phase's start; the runner
 * writes them back into it at the phase's end and into every checkpoint.
 */
export interface Carry {
  /** Name in the step (local, so that tasks share programs) to name among the state's arrays. */
  readonly names: Readonly<Record<string, string>>;
  /** Names in the step of those that loss and terms are differentiated by: what a strategy learns beside the network. */
  readonly learned?: readonly string[];
  /** The arrays after a step, by their names in the step: every one, in its shape. */
  next(taken: StepTaken): Readonly<Record<string, Tensor>>;
}

/** Examples of earlier tasks for a batch. */
export interface Rehearsal {
  /** At most `rehearsalRows`. */
  readonly rows: readonly Row[];
  /** Every array of the step's `feeds`; zeros where absent. */
  readonly feeds?: Readonly<Record<string, HostArray>>;
}

/** What was read back after a step, by the names that the step's `reads` gave. */
export type Reads = Readonly<Record<string, HostArray>>;

/**
 * A continual-learning strategy: contributes by returned values only. Strategies compose by standing in a list: hooks run in
 * its order, each seeing the network as the one before left it. The empty list is plain fine-tuning.
 */
export interface Strategy {
  /** True where predictions for a task use something of that task's own (a path, a mask), so that its id must be given or inferred. */
  readonly taskSpecific: boolean;
  /** True where batches hold examples of several tasks, so that they need the heads of all of them. */
  readonly mixesTasks: boolean;
  /** True where its step looks at the logits of earlier tasks, so that their heads are on the path though no example asks for them. */
  readonly needsOldHeads?: boolean;
  /** Rows that `rehearse` adds to every batch; 0 for none. */
  readonly rehearsalRows: number;
  /** At a task's start, before its head grows. */
  plan?(context: Context & {readonly epochs: number}): Plan;
  /** The examples that a task trains on; its own where absent. Depends on what is stored alone, as a resumed run asks again. */
  examples?(context: Omit<Context, 'seeds'>): readonly Row[];
  /**
   * Tries networks for a task, after its plan and head: each one that is yielded is trained and comes back with its accuracy on
   * validation. The last word is what the task goes on with; null leaves the network as it is. A search is never interrupted by a
   * checkpoint: a run that is killed in it begins it again.
   */
  search?(context: SearchContext): AsyncGenerator<Candidate, Choice | null, Trial>;
  /** Before each phase of a task; `path` is the one that predictions for the task run along. */
  enter?(
    context: Context & {readonly phase: Phase; readonly engine: Engine; readonly path: Path},
  ): Entry | Promise<Entry>;
  /** What the phase's compiled step gets. */
  step?(context: StepContext): StepPart;
  /** Examples of earlier tasks to train on with this batch. */
  rehearse?(context: Context): Rehearsal;
  /** True where `observe` is called in every epoch of a task's first phase; in the first epoch alone otherwise. */
  readonly everyEpoch?: boolean;
  /** After a step: the batch's own rows, and what the step gave to be read. */
  observe?(context: Context, rows: readonly Row[], reads: Reads): StrategyState;
  /** After a task's training; `path` is the one that predictions for the task run along. */
  consolidate?(context: Context & {readonly engine: Engine; readonly path: Path}): Promise<Change>;
  /**
   * How well examples fit each of some tasks, told by their images alone: [rows, tasks], row by row, larger is better. What the task
   * inference `recognition` asks.
   */
  recognise?(request: Recognition): Promise<Float32Array>;
  /** The network as predictions for a task see it; the network itself where absent. */
  view?(context: {readonly network: Network; readonly state: StrategyState; readonly task: number}): Network;
}

/** Examples whose tasks are to be told by their images. */
export interface Recognition {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly part: Part;
  readonly network: Network;
  readonly state: StrategyState;
  readonly rows: readonly Row[];
  /** Tasks that were trained on so far. */
  readonly tasks: readonly number[];
}

/** The state that every strategy starts from. */
export const emptyState: StrategyState = {values: {}, arrays: {}};
