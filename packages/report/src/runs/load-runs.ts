import {lstatSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {messageOf, readRun, runFiles} from '@accrete/kit';
import {evidenceOf, type RunEvidence} from './evidence.ts';
import {findRuns, type Problem} from './find-runs.ts';

/** Runs that were read, and what could not be. */
export interface LoadedRuns {
  readonly runs: readonly RunEvidence[];
  readonly problems: readonly Problem[];
}

/** Larger event logs are refused: no run of ours comes near, and one line of such a size would fill the memory. */
const LARGEST_LOG_BYTES = 256 * 2 ** 20;

/**
 * Read every run folder at or below the paths. One bad run never stops the others: it becomes a problem with its reason.
 * Runs are read one after another and reduced to their evidence, so memory does not grow with their outcomes.
 *
 * @param paths run folders, or folders above them at any depth.
 */
export function loadRuns(paths: readonly string[]): LoadedRuns {
  const found = findRuns(paths);
  const runs: RunEvidence[] = [];
  const problems = [...found.problems];
  const seen = new Map<string, string>();
  for (const folder of found.folders) {
    try {
      const obstacle = obstacleIn(folder);
      if (obstacle) {
        problems.push({path: folder, reason: obstacle});
        continue;
      }
      const run = evidenceOf(readRun(folder));
      const identity = JSON.stringify([run.experiment, run.scenario, run.label, run.hash, run.seed]);
      const twin = seen.get(identity);
      if (twin !== undefined)
        problems.push({path: folder, reason: `is the same run as ${twin} and was not counted again.`});
      else {
        seen.set(identity, folder);
        runs.push(run);
      }
    } catch (error) {
      problems.push({path: folder, reason: messageOf(error)});
    }
  }
  return {runs, problems};
}

// A run folder holds plain files; a link could make the report read, and print, files that are none of its business.
function obstacleIn(folder: string): string | undefined {
  for (const name of [runFiles.config, runFiles.environment, runFiles.status, runFiles.events, runFiles.outcomes]) {
    const stat = lstatSync(join(folder, name), {throwIfNoEntry: false});
    if (stat?.isSymbolicLink()) return `${name} is a symbolic link and was not followed.`;
    if (stat && name !== runFiles.outcomes && stat.size > LARGEST_LOG_BYTES) {
      return `${name} has ${stat.size} bytes; at most ${LARGEST_LOG_BYTES} are read.`;
    }
    if (name !== runFiles.outcomes || !stat?.isDirectory()) continue;
    const linked = readdirSync(join(folder, name), {withFileTypes: true}).find((entry) => entry.isSymbolicLink());
    if (linked) return `${name}/${linked.name} is a symbolic link and was not followed.`;
  }
  return undefined;
}
