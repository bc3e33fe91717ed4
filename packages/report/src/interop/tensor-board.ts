import type {Report} from '../report.ts';
import type {RunEvidence} from '../runs/evidence.ts';
import {type ExportedFile, plainNames} from './exported-file.ts';
import {hyperparametersOf, type Session, sessionEvents} from './hyperparameters.ts';
import {bytesField, doubleField, floatField, integerField} from './protobuf.ts';
import {rowsByRun, runSeries, type SeriesPoint} from './run-series.ts';
import {tfRecords} from './tf-record.ts';

/**
 * The runs of a report as a folder that `tensorboard --logdir` shows: a folder per run, with one event file of scalars, and the
 * config for its table of hyperparameters, in which the seeds of a strategy are one group.
 *
 * Source: https://github.com/tensorflow/tensorboard, `compat/proto/event.proto` and `summary.proto`. Values are 32-bit there.
 */
export function* tensorBoardFiles(report: Report): Iterable<ExportedFile> {
  const rows = rowsByRun(report);
  const free = plainNames();
  for (const {groups} of report.arrangement.settings) {
    for (const {strategy, setting, runs} of groups) {
      for (const run of runs) {
        const began = Date.parse(run.started);
        const folder = free(`${setting}-${strategy}-s${run.seed}`);
        const name = `events.out.tfevents.${String(Math.floor(began / 1000)).padStart(10, '0')}.accrete`;
        yield {
          path: `${folder}/${name}`,
          content: eventFile(began, runSeries(run, rows(run)), sessionOf(run, `${setting} ${strategy}`)),
        };
      }
    }
  }
}

function sessionOf(run: RunEvidence, group: string): Session {
  const startedMs = Date.parse(run.started);
  const endedMs = run.ended === undefined ? startedMs + (run.timeline.at(-1)?.atMs ?? 0) : Date.parse(run.ended);
  return {hyperparameters: hyperparametersOf(run), group, startedMs, endedMs, state: run.state};
}

/** An event file of scalars, and of a session where one is given. @param beganMs when the run began [ms since 1970]. */
export function eventFile(beganMs: number, points: readonly SeriesPoint[], session?: Session): Buffer {
  const version = Buffer.concat([doubleField(1, beganMs / 1000), bytesField(3, 'brain.Event:2')]);
  const [start, end] = session ? sessionEvents(session) : [];
  return tfRecords([version, ...(start ? [start] : []), ...points.map(scalarEvent), ...(end ? [end] : [])]);
}

// Event {wall_time = 1, step = 2, summary = 5 {value = 1 {tag = 1, simple_value = 2}}}; proto3 leaves out what is zero.
function scalarEvent({name, step, timeMs, value}: SeriesPoint): Buffer {
  const scalar = Buffer.concat([bytesField(1, name), floatField(2, value)]);
  return Buffer.concat([
    doubleField(1, timeMs / 1000),
    ...(step === 0 ? [] : [integerField(2, step)]),
    bytesField(5, bytesField(1, scalar)),
  ]);
}
