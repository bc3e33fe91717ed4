import {lstatSync, readdirSync, realpathSync} from 'node:fs';
import {join} from 'node:path';
import {messageOf, runFiles} from '@accrete/kit';

/** A path that could not be reported, and why. */
export interface Problem {
  readonly path: string;
  readonly reason: string;
}

/**
 * Every run folder at or below the paths, each once, in order of name. Symbolic links below a path are listed as
 * problems and never followed; a path that is itself one is, since it was named on purpose.
 *
 * @param useful paths that hold something else of use, so that it is no problem where they hold no run.
 */
export function findRuns(
  paths: readonly string[],
  useful: ReadonlySet<string> = new Set(),
): {readonly folders: string[]; readonly problems: Problem[]} {
  const folders = new Set<string>();
  const problems: Problem[] = [];
  for (const path of paths) {
    const before = folders.size + problems.length;
    try {
      const root = realpathSync(path);
      if (lstatSync(root).isDirectory()) walk(root, folders, problems);
      else problems.push({path, reason: 'expected a run folder or a folder above some, got a file.'});
    } catch (error) {
      problems.push({path, reason: `cannot be read: ${messageOf(error)}`});
    }
    if (folders.size + problems.length === before && !useful.has(path) && !alreadyCovered(path, folders)) {
      problems.push({path, reason: 'holds no run folder (one has config.json, status.json and events.jsonl in it).'});
    }
  }
  return {folders: [...folders], problems};
}

function walk(folder: string, folders: Set<string>, problems: Problem[]): void {
  const entries = readdirSync(folder, {withFileTypes: true}).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (looksLikeRun(folder, new Set(entries.map((entry) => entry.name)))) {
    folders.add(folder);
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) problems.push({path, reason: 'is a symbolic link and was not followed.'});
    else if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules') {
      try {
        walk(path, folders, problems);
      } catch (error) {
        problems.push({path, reason: `cannot be read: ${messageOf(error)}`});
      }
    }
  }
}

// A damaged run folder must still be seen as one, to be listed: any of its own files will do.
function looksLikeRun(folder: string, names: ReadonlySet<string>): boolean {
  if (names.has(runFiles.events) || names.has(runFiles.status)) return true;
  return names.has(runFiles.config) && (names.has(runFiles.environment) || /-s\d+$/.test(folder));
}

function alreadyCovered(path: string, folders: ReadonlySet<string>): boolean {
  const root = realpathSync(path);
  return [...folders].some((folder) => folder === root || folder.startsWith(`${root}/`));
}
