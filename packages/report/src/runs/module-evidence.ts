import {lstatSync, readdirSync, realpathSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {type EvidenceRow, HarnessError, messageOf, readEvents, runFiles} from '@accrete/kit';
import {displayText} from './display-text.ts';
import type {Problem} from './find-runs.ts';

/** Evidence about modules that were found in trained networks, of one log. */
export interface ModuleEvidence {
  /** The name of the folder that the log is in. */
  readonly name: string;
  readonly path: string;
  readonly rows: readonly EvidenceRow[];
}

/** Folders that hold no log: those inside a run's are many. */
const passedBy: ReadonlySet<string> = new Set([
  'node_modules',
  runFiles.outcomes,
  runFiles.modules,
  runFiles.checkpoint,
]);

/** Larger logs are refused. */
const LARGEST_BYTES = 128 * 2 ** 20;

/**
 * Reads every log of evidence at or below the paths, each once, in order of name. Links below a path are not followed. One bad log
 * never stops the others: it becomes a problem with its reason. Paths that cannot be read are left to who looks for runs there.
 */
export function loadModuleEvidence(paths: readonly string[]): {
  readonly modules: readonly ModuleEvidence[];
  readonly problems: readonly Problem[];
  /** The paths that hold a log. */
  readonly holders: ReadonlySet<string>;
} {
  const modules: ModuleEvidence[] = [];
  const problems: Problem[] = [];
  const found = paths.map((path) => [path, logsAt(path)] as const);
  for (const file of new Set(found.flatMap(([, logs]) => logs))) {
    try {
      modules.push({name: displayText(basename(dirname(file)), 80), path: file, rows: readLog(file)});
    } catch (error) {
      problems.push({path: file, reason: messageOf(error)});
    }
  }
  return {modules, problems, holders: new Set(found.flatMap(([path, logs]) => (logs.length > 0 ? [path] : [])))};
}

function readLog(file: string): readonly EvidenceRow[] {
  const {size} = lstatSync(file);
  if (size > LARGEST_BYTES)
    throw new HarnessError('E_RECORD', `it has ${size} bytes; at most ${LARGEST_BYTES} are read.`, {file});
  const {events} = readEvents(file);
  return events.map((event) => {
    if (event.type !== 'evidence')
      throw new HarnessError('E_RECORD', `event ${event.seq} is ${event.type}, expected evidence alone.`, {file});
    const {type: _, seq: __, time: ___, ...row} = event;
    return {...row, method: displayText(row.method, 60), module: displayText(row.module, 60)};
  });
}

function logsAt(path: string): string[] {
  try {
    return below(realpathSync(path));
  } catch {
    return [];
  }
}

function below(folder: string): string[] {
  const entries = readdirSync(folder, {withFileTypes: true}).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile() && entry.name === runFiles.evidence) return [path];
    return entry.isDirectory() && !entry.name.startsWith('.') && !passedBy.has(entry.name) ? logsAt(path) : [];
  });
}
