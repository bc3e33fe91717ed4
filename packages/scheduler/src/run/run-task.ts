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
  const {cursor} = session;
  const began = performance.now();
  const cpu = process.cpuUsage();
  session.compileMs = 0;
  session.learningCurveMs = 0;
  if (!(cursor.begun && cursor.task === task.index)) yield* session.begin(task);
  let steps = 0;
  const count = (done: number): void => {
    steps += done;
  };
  if (!session.plan!.searched) {
    const problem = yield* searchStructure(session, task, count);
    if (problem !== null) return problem;
    session.plan = {...session.plan!, searched: true};
  }
  const problem = yield* runPhases(session, task, pace, count);
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
  const trainMs = performance.now() - began - session.learningCurveMs;
  session.checkFrozen();
  yield {type: 'frozen-hash', afterTask: task.index, hashes: session.frozen};
  const evaluating = performance.now();
  yield* evaluateAll(session, task.index);
  yield* session.drained();
  yield {
    type: 'task-end',
    task: task.index,
    durationMs: performance.now() - began,
    trainMs,
    evaluateMs: performance.now() - evaluating + session.learningCurveMs,
    compileMs: session.compileMs,
    cpuMs: cpuMsSince(cpu),
    memoryPeakBytes: process.resourceUsage().maxRSS * 1024,
    ...session.operations(task),
    steps,
    parameters: session.parameterCount(task),
  };
  session.plan = null;
  session.cursor = {task: task.index + 1, begun: false, phase: 0, epoch: 0, step: 0};
  yield {type: 'state', checkpoint: session.checkpoint()};
  session.lastCheckpoint = performance.now();
  return null;
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const {user, system} = process.cpuUsage(start);
  return (user + system) / 1000;
}
