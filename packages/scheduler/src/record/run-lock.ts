import {linkSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {fileError, HarnessError} from '@accrete/kit';

/** Locks that this process holds: its own id in a lock file does not tell whether it is one of them. */
const held = new Set<string>();

/**
 * Takes a run folder for this process, so that two never write to one run. A lock left by a process that is gone is taken over.
 *
 * @returns gives the folder back.
 * @throws HarnessError E_EXISTS where a living process holds it; E_FILE where the folder cannot be written.
 */
export function lockRun(folder: string): () => void {
  const file = join(resolve(folder), 'lock');
  if (held.has(file)) throw taken(folder, process.pid);
  if (!take(file)) {
    const holder = holderOf(file);
    if (holder !== process.pid && isAlive(holder)) throw taken(folder, holder);
    putAside(file, holder);
    if (!take(file))
      throw new HarnessError('E_EXISTS', `${folder} was taken by another process just now. Try again.`, {folder});
  }
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, {force: true});
  };
}

function taken(folder: string, holder: number): HarnessError {
  return new HarnessError(
    'E_EXISTS',
    `${folder} is being written by process ${holder}. Wait for it to end, or stop it.`,
    {folder, holder},
  );
}

/** Makes the lock with its content in one go: an empty one would look like one left behind. */
function take(file: string): boolean {
  const own = `${file}.${process.pid}`;
  try {
    writeFileSync(own, String(process.pid));
    linkSync(own, file);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError('lock the run folder', file, cause);
  } finally {
    rmSync(own, {force: true});
  }
}

/** Removes a lock left behind, but not one that another process took in the meantime. */
function putAside(file: string, holder: number): void {
  const aside = `${file}.${process.pid}.old`;
  try {
    renameSync(file, aside);
    if (!Object.is(holderOf(aside), holder)) linkSync(aside, file);
  } catch {
    // Another process was faster; whose lock it is shows when it is taken.
  } finally {
    rmSync(aside, {force: true});
  }
}

function holderOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0; // Given back just now.
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
