import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** Runs with a folder of its own, removed afterwards. */
export async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'accrete-scheduler-'));
  try {
    return await act(folder);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
