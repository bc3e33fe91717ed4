import type {Task} from '../streams/stream.ts';
import {evaluate} from '../training/evaluate.ts';
import type {Trainer} from '../training/trainer.ts';
import {evaluationRequest} from './evaluate-all.ts';
import type {RunItem} from './run.ts';
import type {Session} from './session.ts';

/**
 * A point of a task's learning curve: its own test examples, as the network that is being trained would answer them now. Nothing
 * of the run depends on it. The batches that count are those of the first phase, over all of its epochs.
 *
 * @param steps of an epoch.
 */
export async function* learningPoint(
  session: Session,
  task: Task,
  trainer: Trainer,
  steps: number,
): AsyncGenerator<RunItem, void, void> {
  const {config, cursor} = session;
  const batch = cursor.epoch * steps + cursor.step;
  if (cursor.phase > 0 || batch > (config.evaluate.learningCurve ?? -1)) return;
  const began = performance.now();
  const {evaluations} = await evaluate({
    ...evaluationRequest(session, task.index),
    tasks: [task.index],
    view: session.viewDuring(await trainer.snapshot()),
    seeds: session.seeds.fork('learning-curve', task.index, batch),
  });
  session.meter.learningCurveMs += performance.now() - began;
  for (const {correct, examples} of evaluations) {
    yield {type: 'learning-point', task: task.index, batch, correct, examples};
  }
}
