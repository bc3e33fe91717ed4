import type {Dataset} from '@accrete/data';
import type {Engine} from '@accrete/engine';
import {contentHash, type EventBody, type Outcomes} from '@accrete/kit';
import type {Stream} from '../streams/stream.ts';
import type {Checkpoint} from './checkpoint.ts';
import {type RunConfig, runHash} from './config.ts';
import {evaluateAll} from './evaluate-all.ts';
import {runTask} from './run-task.ts';
import {Session} from './session.ts';
import type {LoadedStart} from './start.ts';

/** What a run computes on and with. Borrowed: the caller disposes the engine. */
export interface Resources {
  readonly engine: Engine;
  readonly dataset: Dataset;
  /** What `config.start` names, read; needed where a fresh run has one. */
  readonly start?: LoadedStart;
  /** Where to go on; absent for a fresh run. */
  readonly resume?: Checkpoint;
  /** Offer a checkpoint in the middle of a task whenever this many milliseconds have passed; absent: at task ends only. */
  readonly checkpointEveryMs?: number;
  /** Offer a checkpoint in the middle of a task after this many steps; absent: by time only. */
  readonly checkpointEverySteps?: number;
}

/** What a run yields: events for the log, and artefacts too large for one. Consumers never feed back. */
export type RunItem =
  | EventBody
  | {readonly type: 'outcomes'; readonly afterTask: number; readonly outcomes: Outcomes}
  | {readonly type: 'state'; readonly checkpoint: Checkpoint};

/**
 * One run: trains a network on a stream, task after task, and yields what happens.
 *
 *   begin task: strategy.plan -> surgery -> head grows
 *     each phase: strategy.enter -> compile
 *       batch -> strategy.rehearse -> [ forward -> loss + auxiliary + terms -> gradients -> optimiser -> updates ] -> strategy.observe
 *   end task: strategy.consolidate -> hash frozen modules -> evaluate every task -> checkpoint
 *
 * A generator without effects on disk: stop early with `break` and everything is released.
 *
 * @throws HarnessError E_COMBINATION before any compute; E_FROZEN where a frozen module changed (our bug).
 */
export async function* run(config: RunConfig, resources: Resources): AsyncGenerator<RunItem, void, void> {
  const {engine, dataset, resume} = resources;
  const before = engine.live();
  const session = new Session(config, resources);
  let problem: string | null = null;
  try {
    const {tasks} = session.stream;
    if (resume) {
      const {task, phase, epoch, step} = resume.cursor;
      yield {type: 'run-resume', afterTask: task - 1, task, phase, epoch, step};
    } else {
      yield startEvent(config, engine, session.stream, dataset);
      if (config.evaluate.beforeTraining) yield* evaluateAll(session, -1);
      yield {type: 'state', checkpoint: session.checkpoint()};
    }
    for (let index = session.cursor.task; index < tasks.length && problem === null; index++) {
      problem = yield* runTask(session, tasks[index]!, resources);
    }
  } finally {
    session.features.dispose();
  }
  const after = engine.live();
  yield {
    type: 'run-end',
    ...(problem === null ? {status: 'done'} : {status: 'non-finite', reason: problem}),
    durationMs: session.meter.spent().runMs,
    parametersHash: problem === null ? contentHash(session.network.parameters) : null,
    tensorsLeaked: after.buffers + after.tensors - before.buffers - before.tensors,
  };
}

function startEvent(config: RunConfig, engine: Engine, stream: Stream, dataset: Dataset): EventBody {
  const {experiment, label, seed, scenario} = config;
  return {
    type: 'run-start',
    run: {experiment, label, hash: runHash(config), seed, scenario, stream: stream.name, dataset: dataset.name},
    engine: engine.kind,
    dataNotes: [...dataset.notes],
    tasks: stream.tasks.map(({index, name, classes, examples}) => ({
      index,
      name,
      classes: [...classes],
      train: examples.train.length,
      validation: examples.validation.length,
      test: examples.test.length,
    })),
  };
}
