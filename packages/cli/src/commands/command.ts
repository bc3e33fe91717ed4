import type {Command} from 'commander';
import type {ExitCode} from '../main.ts';

/** Gives a command its arguments, options and action. @param exit sets the exit code of a command that ends without throwing. */
export type FillCommand = (command: Command, exit: (code: ExitCode) => void) => void;
