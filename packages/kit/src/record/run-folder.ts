import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as z from 'zod';
import {HarnessError, messageOf} from '../errors/harness-error.ts';
import {eventSchema, isCertainlyEvent, type RunEvent} from './event.ts';
import {decodeOutcomes, type Outcomes} from './outcomes.ts';
import {
  type Environment,
  environmentSchema,
  type RunConfigHeader,
  type RunStatus,
  runConfigHeaderSchema,
  statusSchema,
} from './status.ts';

/** Names inside a run folder. */
export const runFiles = {
  config: 'config.json',
  environment: 'env.json',
  status: 'status.json',
  events: 'events.jsonl',
  outcomes: 'outcomes',
  modules: 'modules',
  checkpoint: 'checkpoint',
  evidence: 'evidence.jsonl',
} as const;

/** A run folder, read: the small files whole, the outcomes on request. */
export interface RunRecord {
  readonly folder: string;
  readonly config: RunConfigHeader;
  readonly environment: Environment;
  readonly status: RunStatus;
  readonly events: readonly RunEvent[];
  /** True where the last line of the log was torn (the run was killed while writing it) and is left out. */
  readonly torn: boolean;
  /** Names of the outcome files, in order of writing. */
  readonly outcomeFiles: readonly string[];
  outcomes(file: string): Outcomes;
}

/** What an event log holds. */
export interface EventLog {
  readonly events: readonly RunEvent[];
  readonly torn: boolean;
  /** Bytes of the whole lines; a repair cuts the file here. */
  readonly wholeBytes: number;
}

/**
 * Read a run folder.
 *
 * @throws HarnessError E_RECORD naming the file, what was expected and what came.
 */
export function readRun(folder: string): RunRecord {
  const log = readEvents(join(folder, runFiles.events));
  const outcomesFolder = join(folder, runFiles.outcomes);
  return {
    folder,
    config: readJson(join(folder, runFiles.config), runConfigHeaderSchema),
    environment: readJson(join(folder, runFiles.environment), environmentSchema),
    status: readJson(join(folder, runFiles.status), statusSchema),
    events: log.events,
    torn: log.torn,
    outcomeFiles: listed(outcomesFolder)
      .filter((name) => name.endsWith('.arrow'))
      .sort(byAfterTask),
    outcomes: (file) => decodeOutcomes(readBytes(join(outcomesFolder, file)), file),
  };
}

/**
 * Read and validate an event log. A torn last line (no line feed at its end) is left out and reported; any other damage is refused.
 *
 * @throws HarnessError E_RECORD naming the line.
 */
export function readEvents(file: string): EventLog {
  const bytes = readBytes(file);
  const wholeBytes = bytes.lastIndexOf(10) + 1;
  const values = parseLines(bytes.toString('utf8', 0, wholeBytes), file);
  const events = values.map((value, i) =>
    isCertainlyEvent(value) ? value : validated(value, eventSchema, `${file}, line ${i + 1}`),
  );
  for (const [i, event] of events.entries()) {
    if (event.seq !== i) {
      throw new HarnessError(
        'E_RECORD',
        `${file}, line ${i + 1}: expected seq ${i}, got ${event.seq}. Lines are missing or doubled: delete the run folder and run again.`,
        {file, line: i + 1},
      );
    }
  }
  return {events, torn: wholeBytes < bytes.length, wholeBytes};
}

/** The values of lines of JSON: all in one call, which is faster, and one by one where that fails, to say which line is wrong. */
function parseLines(text: string, file: string): unknown[] {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  try {
    const values = JSON.parse(`[${text.slice(0, -1).replaceAll('}\n{', '},{')}]`) as unknown[];
    if (values.length === count) return values;
  } catch {
    // The line is found below.
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, i): unknown => {
      try {
        return JSON.parse(line);
      } catch (cause) {
        const at = `${file}, line ${i + 1}`;
        throw new HarnessError(
          'E_RECORD',
          `${at} is not JSON: ${messageOf(cause)}. The log is damaged: delete the run folder and run again.`,
          {file, line: i + 1},
          cause,
        );
      }
    });
}

/** Read a JSON file against a schema. @throws HarnessError E_RECORD */
export function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let value: unknown;
  const text = readBytes(file).toString('utf8');
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HarnessError('E_RECORD', `${file} is not JSON: ${messageOf(cause)}.`, {file}, cause);
  }
  return validated(value, schema, file);
}

function validated<T>(value: unknown, schema: z.ZodType<T>, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const version = (value as {version?: unknown} | null)?.version;
  throw new HarnessError(
    'E_RECORD',
    `${where} is not what this version of Accrete writes${version === undefined ? '' : ` (its version is ${JSON.stringify(version)})`}.\n${z.prettifyError(result.error)}`,
    {where, issues: result.error.issues},
    result.error,
  );
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new HarnessError(
      'E_RECORD',
      `cannot read ${file}: ${messageOf(cause)}. A run folder holds it; is this one?`,
      {file},
      cause,
    );
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // No evaluation has ended yet.
  }
}

// "before.arrow" is shorter than every "after-000.arrow", and "after-1000.arrow" longer.
function byAfterTask(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
