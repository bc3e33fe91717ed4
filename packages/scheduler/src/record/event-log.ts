import {closeSync, fsyncSync, ftruncateSync, openSync} from 'node:fs';
import {type EventBody, eventSchema, fileError, type RunEvent, readEvents, writeWhole} from '@accrete/kit';

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
  if (resume) readEvents(file);
  const handle = attempt('open the event log', file, () => openSync(file, resume ? 'r+' : 'w'));
  let bytes = resume?.bytes ?? 0;
  let count = resume?.count ?? 0;
  if (resume) attempt('repair the event log', file, () => ftruncateSync(handle, bytes));
  closeSync(handle);
  const log = attempt('open the event log', file, () => openSync(file, 'a'));
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

function attempt<T>(doing: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileError(doing, file, cause);
  }
}
