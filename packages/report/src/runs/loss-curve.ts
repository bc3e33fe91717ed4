import type {RunEvent} from '@accrete/kit';
import {mean} from '../statistics/moments.ts';
import {latest} from './event-view.ts';

/** The training loss at one moment of a task. */
export interface LossPoint {
  readonly task: number;
  /** How far into the task's training, in (0, 1]. */
  readonly progress: number;
  /** Mean loss [nats] since the point before; null where it was not finite. */
  readonly loss: number | null;
}

/** At most so many points per task, so that a curve's size does not grow with the length of training. */
const POINTS = 12;

/**
 * The training loss over a run, from the log's progress events, or its epoch events where those are more. Within a task
 * the events are cut into at most 12 stretches of equal length, each the mean of its events; one value that is not
 * finite makes its stretch null.
 */
export function lossCurve(events: readonly RunEvent[]): LossPoint[] {
  const progress = latest(events, 'progress', (e) => `${e.task} ${e.epoch} ${e.step} ${e.phase}`);
  const epochs = latest(events, 'epoch', (e) => `${e.task} ${e.epoch} ${e.phase}`);
  const byTask = new Map<number, (number | null)[]>();
  for (const {task, loss} of progress.length >= epochs.length ? progress : epochs) {
    const losses = byTask.get(task);
    if (losses) losses.push(loss);
    else byTask.set(task, [loss]);
  }
  return [...byTask].sort(([a], [b]) => a - b).flatMap(([task, losses]) => stretches(task, losses));
}

function stretches(task: number, losses: readonly (number | null)[]): LossPoint[] {
  const count = Math.min(POINTS, losses.length);
  return Array.from({length: count}, (_, k) => {
    const part = losses.slice(Math.floor((k * losses.length) / count), Math.floor(((k + 1) * losses.length) / count));
    const finite = part.filter((loss): loss is number => loss !== null);
    return {task, progress: (k + 1) / count, loss: finite.length === part.length ? mean(finite) : null};
  });
}
