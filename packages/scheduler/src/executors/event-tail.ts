import {closeSync, fstatSync, openSync, readSync} from 'node:fs';
import {join} from 'node:path';
import {eventSchema, type RunEvent, runFiles} from '@accrete/kit';

/** Reads the log of a run while another process writes it. */
export interface EventTail {
  /** What was written since the last call, in whole lines; nothing while there is no log. A line that is no event is passed over. */
  next(): RunEvent[];
}

/** Follows a log from its present end on: what it holds already is not told again. */
export function tailEvents(folder: string): EventTail {
  const file = join(folder, runFiles.events);
  // Behind the last whole line: a torn one is cut off there when its run goes on.
  let at = 0;
  const lines = (): string[] => {
    let descriptor: number;
    try {
      descriptor = openSync(file, 'r');
    } catch {
      return [];
    }
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - at));
      const whole = bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, at)).lastIndexOf(0x0a) + 1;
      at += whole;
      return bytes.toString('utf8', 0, whole).split('\n').filter(Boolean);
    } finally {
      closeSync(descriptor);
    }
  };
  lines();
  return {next: () => lines().flatMap(parsed)};
}

function parsed(line: string): RunEvent[] {
  try {
    return [eventSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}
