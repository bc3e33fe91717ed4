import {closeSync, fsyncSync, openSync, readFileSync, truncateSync} from 'node:fs';
import {
  type EventBody,
  eventSchema,
  fileError,
  HarnessError,
  type RunEvent,
  readEvents,
  writeWhole,
} from '@accrete/kit';

const LINE_FEED = 10;

/** An append-only log of events on disk. Owns a file handle: close it. */
export interface EventLog {
  /** Numbers, dates, checks and writes an event; it is in the operating system's hands when this returns. */
  append(body: EventBody): RunEvent;
  /** Bytes written so far; where a resumed run cuts. */
  readonly bytes: number;
  readonly count: number;
  /** Forces everything to disk. */
  sync(): void;
  close(): void;
}

/**
 * Opens a log to be appended to.
 *
 * @param resume where a checkpoint says the log stood; what came after is cut off. Absent: the log starts empty.
 * @throws HarnessError E_RECORD where the log is damaged before that point; E_FILE where it cannot be written.
 */
export function openEventLog(file: string, resume?: {readonly bytes: number; readonly count: number}): EventLog {
  if (resume) {
    checkReaches(file, resume);
    attempt('repair the event log', file, () => truncateSync(file, resume.bytes));
  }
  let bytes = resume?.bytes ?? 0;
  let count = resume?.count ?? 0;
  const log = attempt('open the event log', file, () => openSync(file, resume ? 'a' : 'w'));
  return {
    append: (body) => {
      const event = eventSchema.parse({...body, seq: count, time: new Date().toISOString()});
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      attempt('write the event log', file, () => writeWhole(log, line));
      bytes += line.length;
      count++;
      return event;
    },
    get bytes() {
      return bytes;
    },
    get count() {
      return count;
    },
    sync: () => attempt('write the event log', file, () => fsyncSync(log)),
    close: () => closeSync(log),
  };
}

/** Cutting a log that is shorter than its checkpoint says would lengthen it by zeros. */
function checkReaches(file: string, {bytes, count}: {readonly bytes: number; readonly count: number}): void {
  const {events} = readEvents(file);
  const kept = readFileSync(file).subarray(0, bytes);
  if (kept.length === bytes && kept.filter((byte) => byte === LINE_FEED).length === count) return;
  throw new HarnessError(
    'E_RECORD',
    `${file} does not fit its checkpoint: expected ${count} events in ${bytes} bytes, got ${events.length} events. Delete the run folder and run again.`,
    {file, bytes, count},
  );
}

function attempt<T>(doing: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileError(doing, file, cause);
  }
}
