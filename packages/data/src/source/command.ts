import {spawn} from 'node:child_process';
import {dataError} from '../decode/data-error.ts';

/** How to run a program of the system. */
export interface CommandOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Also resolve where the program ends with another code than 0. */
  readonly allowFailure?: boolean;
}

const KEPT_CHARACTERS = 4000;

/**
 * Run a program to its end, without a shell.
 *
 * @returns the end of what it printed on standard error, at most 4000 characters.
 * @throws HarnessError E_DATA where it is not installed, fails, or takes longer than it may; it is killed then.
 */
export function runCommand(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const {cwd, timeoutMs, signal, env = process.env, allowFailure = false} = options;
  const limits = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: {...env, LC_ALL: 'C'},
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: AbortSignal.any(limits),
      killSignal: 'SIGKILL',
    });
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-KEPT_CHARACTERS);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') reject(dataError(`${program} is not installed`, {}, error));
      else if (limits[0]!.aborted) reject(dataError(`${program} took longer than ${timeoutMs / 1000} s`, {}, error));
      else reject(error);
    });
    child.once('close', (code) => {
      if (code === 0 || allowFailure) resolve(printed);
      else reject(dataError(`${program} ended with code ${code}: ${lastLines(printed)}`));
    });
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? 'it printed nothing' : lines.slice(-3).join(' / ');
}
