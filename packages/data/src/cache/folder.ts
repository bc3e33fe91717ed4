import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import type {LoadContext} from '../source/context.ts';

/** The user's data folder: `ACCRETE_DATA`, else `$XDG_CACHE_HOME/accrete`, else `~/.cache/accrete`. Absolute. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const {ACCRETE_DATA: own, XDG_CACHE_HOME: xdg} = environment;
  if (own) return resolve(own);
  // The XDG specification has relative paths ignored.
  if (xdg?.startsWith('/')) return join(xdg, 'accrete');
  return join(homedir(), '.cache', 'accrete');
}

/** The folder of one data set. */
export function datasetFolder(kind: string, context: LoadContext): string {
  return join(resolve(context.cacheFolder ?? defaultCacheFolder()), 'datasets', kind);
}
