import type {EventOf, RunStatus} from '@accrete/kit';
import {type AccuracyMatrix, type Cell, cellOf, place} from '../metrics/accuracy-matrix.ts';
import type {Tally} from './tally.ts';
import type {TestEvaluations} from './test-evaluations.ts';

/**
 * The accuracy matrix of a run: numbers from the tallies of its outcomes, reasons for missing ones from its evaluation
 * events and its status. No number is taken from an event.
 *
 * @param tallies by the task after which they were taken, -1 for before training.
 */
export function matrixOf(
  tallies: ReadonlyMap<number, readonly Tally[]>,
  evaluations: TestEvaluations,
  tasks: number,
  status: Pick<RunStatus, 'state' | 'reason'>,
): AccuracyMatrix {
  const row = (i: number): Cell[] =>
    Array.from({length: tasks}, (_, j) => {
      const tally = tallies.get(i)?.[j];
      return tally && tally.examples > 0
        ? cellOf(tally, i, j)
        : missing(evaluations.get(i)?.get(j), status, place(i, j));
    });
  return {tasks, before: row(-1), after: Array.from({length: tasks}, (_, i) => row(i))};
}

function missing(
  event: EventOf<'evaluation'> | undefined,
  status: Pick<RunStatus, 'state' | 'reason'>,
  where: string,
): Cell {
  if (event && event.status !== 'ok') {
    return {status: event.status, value: null, reason: `${where}: ${event.reason ?? `recorded as ${event.status}`}`};
  }
  if (event) return {status: 'undefined', value: null, reason: `${where}: evaluated, but its outcomes are missing`};
  if (status.state === 'non-finite') {
    return {status: 'non-finite', value: null, reason: `${where}: the run ended non-finite${because(status.reason)}`};
  }
  const ending = {running: 'has not ended', done: 'is done', failed: 'failed'}[status.state];
  return {
    status: 'undefined',
    value: null,
    reason: `${where}: not evaluated; the run ${ending}${because(status.reason)}`,
  };
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${reason})`;
}
