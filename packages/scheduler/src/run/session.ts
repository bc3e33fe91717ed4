import {
  allOwners,
  architectures,
  countBytes,
  countWeights,
  frozenHashes,
  growGates,
  growHead,
  type Network,
  type OptimizerState,
  type Path,
  type Purpose,
  pathOf,
  segmentsFor,
} from '@accrete/core';
import {standardisation} from '@accrete/data';
import type {Engine} from '@accrete/engine';
import {type EventBody, HarnessError, seedStream} from '@accrete/kit';
import {taskInferences} from '../inference/registry.ts';
import {strategies} from '../strategies/registry.ts';
import {
  type Change,
  type Context,
  emptyState,
  type GrowthNote,
  type Phase,
  type Strategy,
  type StrategyState,
} from '../strategies/strategy.ts';
import {streams} from '../streams/registry.ts';
import {type Row, type Stream, type Task, trainingRows} from '../streams/stream.ts';
import {FeatureStore} from '../training/feature-store.ts';
import {predictionCosts} from '../training/prediction-cost.ts';
import type {Compiled} from '../training/predictor.ts';
import type {Snapshot, Sums} from '../training/trainer.ts';
import type {Checkpoint, Cursor, TaskPlan} from './checkpoint.ts';
import {type RunConfig, resolve} from './config.ts';
import {Meter} from './meter.ts';
import type {Resources} from './run.ts';
import {type LoadedStart, startedFrom} from './start.ts';

/** A run under way: what changes as it goes, and what is read off it. Owned by `run` alone. */
export class Session {
  readonly config: RunConfig;
  readonly engine: Engine;
  readonly stream: Stream;
  readonly chain: readonly Strategy[];
  readonly seeds;
  readonly resolution;
  readonly inference;
  readonly features: FeatureStore;
  network: Network;
  states: readonly StrategyState[];
  optimizerState: OptimizerState;
  /** Content hashes of the frozen modules, as last checked. */
  frozen: Readonly<Record<string, string>>;
  /** What the task under way decided at its start. */
  plan: TaskPlan | null;
  /** Sums of the epoch under way where it was resumed in its middle. */
  sums: Sums | null;
  cursor: {-readonly [K in keyof Cursor]: Cursor[K]};
  readonly meter: Meter;
  private readonly predictionCost = predictionCosts();
  lastCheckpoint = performance.now();
  private compiles: EventBody[] = [];

  constructor(config: RunConfig, {engine, dataset, resume, start}: Resources) {
    this.config = config;
    this.engine = engine;
    this.seeds = seedStream(config.seed);
    this.resolution = resolve(config);
    this.stream = streams.parse(config.stream).build(dataset, config.scenario, this.seeds.fork('stream'));
    this.features = new FeatureStore(engine);
    this.chain = config.strategy.map((part) => strategies.parse(part));
    this.inference = this.resolution.infersTask ? taskInferences.parse(config.taskInference) : null;
    const purpose = {
      input: {kind: 'image', shape: dataset.imageShape, pixels: () => standardisation(dataset)} as const,
      head: this.resolution.head,
      classes: this.stream.classes,
    };
    this.network = resume?.network ?? this.fresh(purpose, start);
    this.states = resume?.strategyStates ?? this.chain.map(() => emptyState);
    this.optimizerState = resume?.optimizerState ?? {};
    this.frozen = resume?.frozen ?? {};
    this.plan = resume?.plan ?? null;
    this.sums = resume?.sums ?? null;
    this.meter = new Meter(resume?.spent);
    this.cursor = {...(resume?.cursor ?? {task: 0, begun: false, phase: 0, epoch: 0, step: 0})};
  }

  private fresh(purpose: Purpose, loaded: LoadedStart | undefined): Network {
    const {network, start} = this.config;
    const built = architectures.parse(network).build(purpose, this.seeds.fork('init'));
    if (!start) return built;
    if (!loaded)
      throw new HarnessError(
        'E_COMBINATION',
        'the run starts from files that were not given. Read them with loadStart.',
      );
    return startedFrom(built, start, loaded, this.stream.tasks.length, this.seeds.fork('init'));
  }

  /** What a hook of strategy `i` is told. @param occasion names the hook's own seed stream within the task. */
  context(task: Task, i: number, occasion: string): Context {
    return {
      task,
      stream: this.stream,
      network: this.network,
      state: this.states[i]!,
      seeds: this.seeds.fork('strategy', i, 'task', task.index, occasion),
    };
  }

  /** Takes over what strategy `i` changed. */
  apply(change: Change, i: number): readonly GrowthNote[] {
    this.network = change.network ?? this.network;
    const {state} = change;
    if (state) this.states = this.states.map((old, j) => (j === i ? state : old));
    return change.growth ?? [];
  }

  /** The network as predictions for a task see it. */
  readonly view = (task: number): Network => this.seen(this.network, this.states, task);

  /** The same in the middle of a phase. @param live what moves, as it stands on the device. */
  viewDuring({network, carried}: Snapshot): (task: number) => Network {
    const states = withCarried(this.states, carried);
    return (task) => this.seen(network, states, task);
  }

  private seen(network: Network, states: readonly StrategyState[], task: number): Network {
    return this.chain.reduce(
      (seen, strategy, i) => strategy.view?.({network: seen, state: states[i]!, task}) ?? seen,
      network,
    );
  }

  /** Counts a program's compile time; those that were not cached wait for the log. */
  readonly compiled: Compiled = ({name, compileMs, cached}) => {
    this.meter.compileMs += compileMs;
    if (!cached)
      this.compiles.push({type: 'compile', task: this.cursor.task, program: name, durationMs: compileMs, cached});
  };

  /** Compile events that wait for the log. */
  drained(): readonly EventBody[] {
    const waiting = this.compiles;
    this.compiles = [];
    return waiting;
  }

  /** Takes over what a phase has made. */
  take({network, optimizerState, carried}: Snapshot): void {
    this.network = network;
    this.optimizerState = optimizerState;
    this.states = withCarried(this.states, carried);
  }

  /** @param live what moves as it stands on the device, in the middle of a phase. */
  checkpoint(live?: Snapshot): Checkpoint {
    const {network, optimizerState} = live ?? this;
    const {plan, sums, frozen} = this;
    const strategyStates = withCarried(this.states, live?.carried ?? []);
    return {
      cursor: {...this.cursor},
      network,
      optimizerState,
      strategyStates,
      plan,
      sums,
      frozen,
      spent: this.meter.spent(),
    };
  }

  /** Starts a task: plans, surgery, the head's growth. */
  begin(task: Task): readonly EventBody[] {
    const {epochs, atBoundary} = this.config.train;
    const before = this.network.parameters;
    const notes: GrowthNote[] = [];
    const still: string[] = [];
    let phases: readonly Phase[] = [{name: 'train', epochs}];
    this.chain.forEach((strategy, i) => {
      const wanted = strategy.plan?.({...this.context(task, i, 'plan'), epochs});
      if (!wanted) return;
      notes.push(...this.apply(wanted, i));
      still.push(...(wanted.still ?? []));
      phases = wanted.phases ?? phases;
    });
    // What a plan set anew starts over in the optimiser, too.
    const kept = Object.entries(this.optimizerState).filter(([key]) => {
      const path = key.slice(0, key.lastIndexOf('#'));
      return this.network.parameters[path] === before[path];
    });
    this.optimizerState = atBoundary === 'reset' ? {} : Object.fromEntries(kept);
    const seeds = this.seeds.fork('init');
    const gated = growGates(this.network, [task.index], seeds);
    const headed = growHead(gated.network, task.index, task.classes, seeds);
    this.network = headed.network;
    for (const [reason, {added, parametersAdded}] of [
      ['routing scores for the task', gated],
      ['logits for the classes of the task', headed],
    ] as const) {
      if (added.length > 0)
        notes.push({change: 'add', modules: [...added], reason, parametersAdded, bytesAdded: parametersAdded * 4});
    }
    this.plan = {phases, still, searched: !this.chain.some(({search}) => search)};
    this.cursor = {task: task.index, begun: true, phase: 0, epoch: 0, step: 0};
    this.checkFrozen();
    const start: EventBody = {
      type: 'task-start',
      task: task.index,
      name: task.name,
      phases: phases.map(({name}) => name),
      parameters: this.parameterCount(task),
    };
    return [...growthEvents(task, notes), start];
  }

  /** The examples that a task trains on. */
  rows(task: Task): readonly Row[] {
    const told = (i: number) => ({task, stream: this.stream, network: this.network, state: this.states[i]!});
    return this.chain.reduce((rows, strategy, i) => strategy.examples?.(told(i)) ?? rows, trainingRows(task));
  }

  /** The path that a task's training runs along. */
  path(task: Task): Path {
    const {head} = this.network.topology;
    const ownOnly = head.kind === 'per-task' && !this.chain.some((part) => part.mixesTasks || part.needsOldHeads);
    const segments = ownOnly ? head.segments.filter((segment) => segment.task === task.index) : head.segments;
    return pathOf(this.network.topology, task.index, segments);
  }

  /** The path that a task's predictions run along: without the heads that only training needed. */
  answeringPath(task: Task): Path {
    const {topology} = this.network;
    return pathOf(topology, task.index, segmentsFor(topology, task.index));
  }

  /** Local names of the parameters on a path that gradients move. */
  trainable(path: Path): readonly string[] {
    const buffers = new Set(path.buffers);
    return this.moving(path).filter((local) => !buffers.has(local));
  }

  /** Local names of the buffers on a path that the forward pass keeps up to date. */
  renewed(path: Path): readonly string[] {
    const buffers = new Set(path.buffers);
    return this.moving(path).filter((local) => buffers.has(local));
  }

  private moving(path: Path): readonly string[] {
    const still = new Set(this.plan?.still ?? []);
    return Object.keys(path.bind).filter((local) => !path.owner[local]!.frozen && !still.has(path.bind[local]!));
  }

  /** What is stored and moved at this moment. */
  parameterCount(task: Task) {
    const path = this.path(task);
    const {parameters} = this.network;
    const weights = (locals: readonly string[]): number =>
      countWeights(Object.fromEntries(locals.map((local) => [local, parameters[path.bind[local]!]!])));
    const kept = this.states.map(({values, arrays}) => (values['bytes'] as number | undefined) ?? countBytes(arrays));
    return {
      total: countWeights(parameters),
      trainable: weights(this.trainable(path)),
      active: weights(Object.keys(path.bind)),
      bytes: kept.reduce((a, b) => a + b, countBytes(parameters)),
    };
  }

  /** Floating-point operations of one prediction for a task, where they can be counted: of its own path, and of all that are run. */
  operations(task: Task): {readonly flopsPerExample?: number; readonly flopsActive?: number} {
    const costs = this.stream.tasks
      .slice(this.resolution.infersTask ? 0 : task.index, task.index + 1)
      .map(({index}) => this.predictionCost(this.view(index), index));
    const known = costs.filter((cost) => cost !== undefined);
    const active = costs.at(-1);
    if (active === undefined || known.length < costs.length) return {};
    return {flopsPerExample: known.reduce((a, b) => a + b, 0), flopsActive: active};
  }

  /** Hashes all frozen modules. @throws HarnessError E_FROZEN where one that was frozen before is not what it was. */
  checkFrozen(): void {
    const now = frozenHashes(this.network);
    const ids = new Set(allOwners(this.network.topology).map(({id}) => id));
    const changed = Object.keys(this.frozen).filter((id) => ids.has(id) && now[id] !== this.frozen[id]);
    if (changed.length > 0) {
      const message = `frozen modules changed: ${changed.join(', ')}. This is a bug in a strategy or in Accrete; please report it.`;
      throw new HarnessError('E_FROZEN', message, {changed});
    }
    this.frozen = now;
  }
}

/** Growth events of a task. */
export function growthEvents(task: Task, notes: readonly GrowthNote[]): readonly EventBody[] {
  return notes.map((note) => ({type: 'growth', task: task.index, ...note}));
}

function withCarried(states: readonly StrategyState[], carried: Snapshot['carried']): readonly StrategyState[] {
  return states.map((state, i) => {
    const fresh = carried[i] ?? {};
    return Object.keys(fresh).length === 0 ? state : {...state, arrays: {...state.arrays, ...fresh}};
  });
}
