import {linkSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join, resolve} from 'node:path';
import {fileError, HarnessError} from '@accrete/kit';

/** Locks that this process holds: its own id in a lock file does not tell whether it is one of them. */
const held = new Set<string>();

/** Who holds a lock: a process, and the machine that it runs on. */
interface Holder {
  /** NaN where the lock does not say. */
  readonly pid: number;
  readonly host: string;
}

/**
 * Takes a run folder for this process, so that two never write to one run. A lock left by a process that is gone is taken over;
 * of one on another machine that cannot be told, so its lock stays until someone removes it.
 *
 * @returns gives the folder back.
 * @throws HarnessError E_EXISTS where a living process holds it, or one of another machine; E_FILE where the folder cannot be written.
 */
export function lockRun(folder: string): () => void {
  const file = join(resolve(folder), 'lock');
  if (held.has(file)) throw taken(folder, process.pid);
  if (!take(file)) {
    const holder = holderOf(file);
    if (Number.isInteger(holder.pid) && holder.host !== hostname()) throw takenElsewhere(folder, file, holder);
    if (holder.pid !== process.pid && isAlive(holder.pid)) throw taken(folder, holder.pid);
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

function takenElsewhere(folder: string, file: string, {pid, host}: Holder): HarnessError {
  return new HarnessError(
    'E_EXISTS',
    `${folder} was taken by process ${pid} on ${host}. Wait for it to end; if it is gone, remove ${file}.`,
    {folder, holder: pid, host},
  );
}

/** Makes the lock with its content in one go: an empty one would look like one left behind. */
function take(file: string): boolean {
  const own = `${file}.${hostname()}.${process.pid}`;
  try {
    writeFileSync(own, `${process.pid} ${hostname()}`);
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
function putAside(file: string, holder: Holder): void {
  const aside = `${file}.${hostname()}.${process.pid}.old`;
  try {
    renameSync(file, aside);
    const found = holderOf(aside);
    if (!Object.is(found.pid, holder.pid) || found.host !== holder.host) linkSync(aside, file);
  } catch {
    // Another process was faster; whose lock it is shows when it is taken.
  } finally {
    rmSync(aside, {force: true});
  }
}

function holderOf(file: string): Holder {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Given back just now.
  }
  const [pid = '', host = hostname()] = text.split(' ');
  return {pid: /^\d+$/.test(pid) ? Number(pid) : Number.NaN, host};
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
