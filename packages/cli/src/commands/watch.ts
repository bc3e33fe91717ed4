import {HarnessError, sha256} from '@accrete/kit';
import {buildReport, renderReport, runLoader, runsMark} from '@accrete/report';
import {liveServer} from '../watch/live-server.ts';
import type {FillCommand} from './command.ts';
import {requireFolders} from './report.ts';

interface WatchFlags {
  readonly port: number;
  readonly title?: string;
}

/** How often the run folders are looked at. */
const EVERY_MS = 1000;

/** `accrete watch <runs...>`: the report as a page that follows runs while they go on. */
export const watchCommand: FillCommand = (command) =>
  command
    .argument('<runs...>', 'run folders, or folders above them')
    .option('--port <n>', 'where to listen (default: any free port)', parsePort, 0)
    .option('--title <text>', "title of the report (default: the experiments' names)")
    .action(async (folders: readonly string[], {port, title}: WatchFlags) => {
      requireFolders(folders);
      const load = runLoader();
      const titled = title === undefined ? {} : {title};
      const page = (version: string): string => renderReport(buildReport(load(folders), titled), {live: version});
      const versionNow = (): string => sha256(runsMark(folders));
      let version = versionNow();
      const server = await liveServer(page, version, port);
      const timer = setInterval(() => {
        const now = versionNow();
        if (now === version) return;
        version = now;
        server.changed(now);
      }, EVERY_MS);
      process.stdout.write(`Watching at ${server.url} (Ctrl-C ends it)\n`);
      await ended();
      clearInterval(timer);
      await server.close();
    });

/** When the user, or the system, asks the command to end. */
function ended(): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      process.removeListener('SIGINT', done);
      process.removeListener('SIGTERM', done);
      resolve();
    };
    process.once('SIGINT', done);
    process.once('SIGTERM', done);
  });
}

/** @throws HarnessError E_CONFIG */
function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new HarnessError('E_CONFIG', `--port takes a whole number from 0 to 65535, got "${text}".`);
}
