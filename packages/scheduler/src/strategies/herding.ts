import {HarnessError} from '@accrete/kit';
import {type Row, type Stream, type Task, targetOf, trainingRows} from '../streams/stream.ts';
import type {AlongPathRequest} from '../training/along-path.ts';
import {unitFeatures} from '../training/features.ts';

/**
 * Vectors in the order in which their running mean comes closest to the mean of all:
 *
 *   p[k] = argmin_x || mu - (phi(x) + sum_{j<k} phi(p[j])) / (k + 1) ||
 *
 * over those that are not chosen yet, the earliest one at a tie. So every beginning of the list stands for the whole.
 *
 * Source: Welling 2009; Rebuffi et al. 2017, algorithm 4, https://arxiv.org/abs/1611.07725.
 */
export function herdingOrder(vectors: readonly Float32Array[], count: number): readonly number[] {
  const width = vectors[0]?.length ?? 0;
  const mean = new Float64Array(width);
  for (const vector of vectors) for (let d = 0; d < width; d++) mean[d]! += vector[d]! / vectors.length;
  const sum = new Float64Array(width);
  const left = new Set(vectors.keys());
  const order: number[] = [];
  while (order.length < count && left.size > 0) {
    let [best, least] = [-1, Number.POSITIVE_INFINITY];
    for (const i of left) {
      let distance = 0;
      for (let d = 0; d < width; d++) distance += (mean[d]! - (sum[d]! + vectors[i]![d]!) / (order.length + 1)) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    for (let d = 0; d < width; d++) sum[d]! += vectors[best]![d]!;
    left.delete(best);
    order.push(best);
  }
  return order;
}

/**
 * The exemplars after a task: of every class of every task so far floor(capacity / classes), each class's in herding order.
 * Those of earlier tasks keep the beginning of their list.
 */
export async function herdedRows(
  request: AlongPathRequest & {readonly task: Task},
  kept: readonly Row[],
  capacity: number,
): Promise<readonly Row[]> {
  const {stream, task} = request;
  const quota = Math.floor(capacity / classesSoFar(stream, task.index));
  const rows = trainingRows(task);
  const features = await unitFeatures(request, rows);
  const fresh = task.classes.flatMap((label) => {
    const own = [...rows.keys()].filter((i) => targetOf(stream, 'train', rows[i]!) === label);
    return herdingOrder(
      own.map((i) => features[i]!),
      quota,
    ).map((place) => rows[own[place]!]!);
  });
  const counts = new Map<string, number>();
  const cut = kept.filter((row) => {
    const group = `${row.task}/${targetOf(stream, 'train', row)}`;
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    return count <= quota;
  });
  return [...cut, ...fresh];
}

/** @throws HarnessError E_COMBINATION where a buffer cannot hold one example of every class of every task. */
export function checkHerdable(method: string, capacity: number, stream: Stream): void {
  const classes = classesSoFar(stream, stream.tasks.length - 1);
  if (capacity >= classes) return;
  const message = `${method} keeps the same number of examples of every class of every task: expected a capacity of at least ${classes}, got ${capacity}. Raise it.`;
  throw new HarnessError('E_COMBINATION', message, {capacity, classes});
}

function classesSoFar({tasks}: Stream, last: number): number {
  return tasks.slice(0, last + 1).reduce((sum, {classes}) => sum + classes.length, 0);
}
