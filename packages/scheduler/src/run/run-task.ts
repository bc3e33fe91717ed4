import type {Task} from '../streams/stream.ts';
import {evaluateAll} from './evaluate-all.ts';
import type {RunItem} from './run.ts';
import {type CheckpointPace, runPhases} from './run-phases.ts';
import {searchStructure} from './search.ts';
import {growthEvents, type Session} from './session.ts';

/**
 * One task, from where the session's cursor stands to its end, in the order that `run` documents.
 *
 * @returns why the run cannot go on, or null.
 */
export async function* runTask(
  session: Session,
  task: Task,
  pace: CheckpointPace,
): AsyncGenerator<RunItem, string | null, void> {
  const {cursor, meter} = session;
  if (!(cursor.begun && cursor.task === task.index)) {
    meter.beginTask();
    yield* session.begin(task);
  }
  if (!session.plan!.searched) {
    const problem = yield* searchStructure(session, task);
    if (problem !== null) return problem;
    session.plan = {...session.plan!, searched: true};
  }
  const problem = yield* runPhases(session, task, pace);
  if (problem !== null) return problem;
  for (const [i, strategy] of session.chain.entries()) {
    const context = session.context(task, i, 'consolidate');
    const change = await strategy.consolidate?.({
      ...context,
      engine: session.engine,
      path: session.answeringPath(task),
    });
    if (change) yield* growthEvents(task, session.apply(change, i));
  }
  const {taskMs, learningCurveMs} = meter.spent();
  session.checkFrozen();
  yield {type: 'frozen-hash', afterTask: task.index, hashes: session.frozen};
  const evaluating = performance.now();
  yield* evaluateAll(session, task.index);
  yield* session.drained();
  const spent = meter.spent();
  yield {
    type: 'task-end',
    task: task.index,
    durationMs: spent.taskMs,
    trainMs: taskMs - learningCurveMs,
    evaluateMs: performance.now() - evaluating + learningCurveMs,
    compileMs: spent.compileMs,
    cpuMs: spent.cpuMs,
    memoryPeakBytes: process.resourceUsage().maxRSS * 1024,
    ...session.operations(task),
    steps: spent.steps,
    parameters: session.parameterCount(task),
  };
  session.plan = null;
  session.cursor = {task: task.index + 1, begun: false, phase: 0, epoch: 0, step: 0};
  yield {type: 'state', checkpoint: session.checkpoint()};
  session.lastCheckpoint = performance.now();
  return null;
}
