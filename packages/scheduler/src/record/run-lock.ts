import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileError, HarnessError} from '@accrete/kit';

/**
 * Takes a run folder for this process, so that two never write to one run. A lock left by a process that is gone is taken over.
 *
 * @returns gives the folder back.
 * @throws HarnessError E_EXISTS where a living process holds it; E_FILE where the folder cannot be written.
 */
export function lockRun(folder: string): () => void {
  const file = join(folder, 'lock');
  const take = (): boolean => {
    try {
      writeFileSync(file, String(process.pid), {flag: 'wx'});
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw fileError('lock the run folder', file, cause);
    }
  };
  if (!take()) {
    const holder = Number(readFileSync(file, 'utf8'));
    if (holder !== process.pid && isAlive(holder)) {
      throw new HarnessError(
        'E_EXISTS',
        `${folder} is being written by process ${holder}. Wait for it to end, or stop it.`,
        {folder, holder},
      );
    }
    rmSync(file, {force: true});
    if (!take())
      throw new HarnessError('E_EXISTS', `${folder} was taken by another process just now. Try again.`, {folder});
  }
  return () => rmSync(file, {force: true});
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
