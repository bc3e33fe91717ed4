import type {Command} from 'commander';
import type {ExitCode} from '../main.ts';

/** Makes a command. @param exit sets the exit code of a command that ends without throwing. */
export type MakeCommand = (exit: (code: ExitCode) => void) => Command;
