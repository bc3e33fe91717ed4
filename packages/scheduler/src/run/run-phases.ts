import type {Path} from '@accrete/core';
import type {Phase, Span, StepPart} from '../strategies/strategy.ts';
import type {Row, Task} from '../streams/stream.ts';
import type {Features} from '../training/feature-store.ts';
import {createTrainer, type Trainer} from '../training/trainer.ts';
import {learningPoint} from './learning-curve.ts';
import type {Resources, RunItem} from './run.ts';
import {growthEvents, type Session} from './session.ts';

/** Steps between two `progress` events. */
const PROGRESS_STEPS = 50;

/** When checkpoints are offered in the middle of a task. */
export type CheckpointPace = Pick<Resources, 'checkpointEveryMs' | 'checkpointEverySteps'>;

/** The phases of the plan, from where the cursor stands. @returns why the run cannot go on, or null. */
export async function* runPhases(
  session: Session,
  task: Task,
  pace: CheckpointPace,
): AsyncGenerator<RunItem, string | null, void> {
  const {phases} = session.plan!;
  while (session.cursor.phase < phases.length) {
    const problem = yield* runPhase(session, task, phases[session.cursor.phase]!, pace);
    yield* session.drained();
    if (problem !== null) return problem;
    session.cursor = {...session.cursor, phase: session.cursor.phase + 1, epoch: 0, step: 0};
  }
  return null;
}

async function* runPhase(
  session: Session,
  task: Task,
  phase: Phase,
  pace: CheckpointPace,
): AsyncGenerator<RunItem, string | null, void> {
  const {cursor, chain, config, network} = session;
  if (cursor.epoch === 0 && cursor.step === 0) {
    let skip = false;
    for (const [i, strategy] of chain.entries()) {
      const told = {phase, engine: session.engine, path: session.answeringPath(task)};
      const change = await strategy.enter?.({...session.context(task, i, `enter ${cursor.phase}`), ...told});
      if (change) yield* growthEvents(task, session.apply(change, i));
      skip ||= change?.skip === true;
    }
    if (skip) return null;
  }
  const path = session.path(task);
  const trainable = session.trainable(path);
  const {batchSize} = config.train;
  const rows = session.rows(task);
  const rehearsed = chain.map(({rehearsalRows}) => rehearsalRows);
  const span = (i: number): Span => ({
    from: rehearsed.slice(0, i).reduce((a, b) => a + b, batchSize),
    rows: rehearsed[i]!,
  });
  const whole = {path, trainable, own: {from: 0, rows: batchSize}, steps: Math.ceil(rows.length / batchSize)};
  if (phase.epochs === 0 || trainable.length === 0) return null;
  const parts = chain.map(
    (strategy, i) =>
      strategy.step?.({...session.context(task, i, `step ${cursor.phase}`), ...whole, rehearsed: span(i)}) ?? {
        key: null,
        inputs: {},
      },
  );
  const trainer = await createTrainer({
    engine: session.engine,
    stream: session.stream,
    network: session.network,
    optimizerState: session.optimizerState,
    path,
    trainable,
    renewed: session.renewed(path),
    optimizer: config.train.optimizer,
    batchSize,
    rehearsed,
    parts,
    features: await settledFeatures(session, task, path, parts, rows),
    states: session.states,
    ownSegmentOnly: network.topology.head.kind === 'per-task' && path.segments.length > 1,
    ...(session.sums === null ? {} : {sums: session.sums}),
  });
  session.compiled(trainer.program);
  try {
    while (session.cursor.epoch < phase.epochs) {
      const problem = yield* runEpoch(session, task, phase, trainer, rows, pace);
      if (problem !== null) return problem;
    }
    const snapshot = await trainer.snapshot();
    // The last step's loss was taken before its update.
    const broken = trainable
      .map((local) => path.bind[local]!)
      .find((at) => !snapshot.network.parameters[at]!.data.every(Number.isFinite));
    if (broken !== undefined) return `${broken} was not finite after phase "${phase.name}" of task ${task.index}`;
    session.take(snapshot);
  } finally {
    trainer.dispose();
  }
  return null;
}

/** What a path gives up to where something moves in this phase; null where a strategy reaches into it, or there is nothing. */
async function settledFeatures(
  session: Session,
  task: Task,
  path: Path,
  parts: readonly StepPart[],
  rows: readonly Row[],
): Promise<Features | null> {
  const moving = new Set([...session.trainable(path), ...session.renewed(path)].map((local) => ownerOf(local)));
  if (parts.some(({effective}) => effective)) return null;
  const rehearses = session.chain.some(({rehearsalRows}) => rehearsalRows > 0);
  const earlier = rehearses ? session.stream.tasks.slice(0, task.index).map(({index}) => index) : [];
  const tasks = [...new Set([...rows.map((row) => row.task), ...earlier])];
  const {stream, network, compiled} = session;
  const settled = (_: unknown, owner: string): boolean => !moving.has(owner);
  return session.features.of({stream, network, path, settled, part: 'train', tasks, compiled});
}

function ownerOf(local: string): string {
  return local.slice(0, local.lastIndexOf('/'));
}

async function* runEpoch(
  session: Session,
  task: Task,
  phase: Phase,
  trainer: Trainer,
  rows: readonly Row[],
  pace: CheckpointPace,
): AsyncGenerator<RunItem, string | null, void> {
  const {chain, config, cursor, meter} = session;
  const {batchSize} = config.train;
  if (cursor.step === 0) meter.beginEpoch();
  const occasion = ['task', task.index, 'phase', cursor.phase, 'epoch', cursor.epoch] as const;
  const order = session.seeds.fork('shuffle', ...occasion).permutation(rows.length);
  const steps = Math.ceil(rows.length / batchSize);
  const at = {task: task.index, phase: phase.name, epoch: cursor.epoch};
  let reported = {step: cursor.step, loss: session.sums?.loss ?? 0};
  if (cursor.epoch === 0 && cursor.step === 0) yield* learningPoint(session, task, trainer, steps);
  while (cursor.step < steps) {
    const own = Array.from(order.subarray(cursor.step * batchSize, (cursor.step + 1) * batchSize), (i) => rows[i]!);
    const hook = (name: string): string => [name, ...occasion, cursor.step].join(' ');
    const rehearsals = chain.map((strategy, i) => strategy.rehearse?.(session.context(task, i, hook('rehearse'))));
    await trainer.step(own, rehearsals, session.seeds.fork('noise', ...occasion, cursor.step));
    const observing = chain.map(
      ({observe, everyEpoch}) => cursor.phase === 0 && (cursor.epoch === 0 || everyEpoch === true) && observe,
    );
    if (observing.some(Boolean)) {
      const reads = await trainer.reads();
      observing.forEach((observe, i) => {
        if (observe) session.apply({state: observe(session.context(task, i, hook('observe')), own, reads[i]!)}, i);
      });
    }
    cursor.step++;
    meter.steps++;
    yield* learningPoint(session, task, trainer, steps);
    if (cursor.step % PROGRESS_STEPS === 0 || cursor.step === steps) {
      const {loss} = await trainer.sums(false);
      if (!Number.isFinite(loss)) {
        return `the training loss was not finite by step ${cursor.step} of epoch ${cursor.epoch} of task ${task.index}`;
      }
      yield {
        type: 'progress',
        ...at,
        step: cursor.step,
        steps,
        loss: (loss - reported.loss) / (cursor.step - reported.step),
      };
      reported = {step: cursor.step, loss};
    }
    if (cursor.step < steps && checkpointIsDue(session, pace)) {
      const sums = await trainer.sums(false);
      // A loss that is not finite ends the run at the next progress event; JSON could not hold it anyway.
      if (!Number.isFinite(sums.loss)) continue;
      session.sums = sums;
      yield {type: 'state', checkpoint: session.checkpoint(await trainer.snapshot())};
      session.lastCheckpoint = performance.now();
    }
  }
  const {loss, auxiliary, terms} = await trainer.sums(true);
  session.sums = null;
  const named = terms.flatMap((sum, i) =>
    sum === null ? [] : [[config.strategy[i]!.kind, mean(sum, steps)] as const],
  );
  yield {
    type: 'epoch',
    ...at,
    steps,
    examples: rows.length,
    loss: mean(loss, steps),
    terms: {...(auxiliary === null ? {} : {routing: mean(auxiliary, steps)}), ...Object.fromEntries(named)},
    durationMs: meter.spent().epochMs,
  };
  Object.assign(cursor, {epoch: cursor.epoch + 1, step: 0});
  return null;
}

function checkpointIsDue(
  {cursor, lastCheckpoint}: Session,
  {checkpointEveryMs, checkpointEverySteps}: CheckpointPace,
): boolean {
  if (checkpointEverySteps !== undefined && cursor.step % checkpointEverySteps === 0) return true;
  return checkpointEveryMs !== undefined && performance.now() - lastCheckpoint >= checkpointEveryMs;
}

function mean(sum: number, steps: number): number | null {
  return steps > 0 && Number.isFinite(sum) ? sum / steps : null;
}
