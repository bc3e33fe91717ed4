import {readFileSync} from 'node:fs';
import {Command, CommanderError} from 'commander';
import {commands} from './commands/commands.ts';

/** Exit codes: 0 done, 1 our mistake, 2 the user's. */
export type ExitCode = 0 | 1 | 2;

/**
 * The `accrete` command.
 *
 * @param argv arguments after the program's name.
 * @returns the exit code; messages go to the terminal, errors to standard error.
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const exit = (wanted: ExitCode): void => {
    code = wanted;
  };
  const program = new Command('accrete')
    .description('A continual-learning research harness with module growth.')
    .version(version(), '--version', 'print the version')
    .showHelpAfterError('(accrete --help says what there is)')
    .exitOverride();
  try {
    for (const [name, {summary, load}] of Object.entries(commands)) {
      const command = new Command(name).description(summary);
      if (argv.includes(name)) (await load())(command, exit);
      program.addCommand(inherited(command));
    }
    await program.parseAsync(argv, {from: 'user'});
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed its message.
    const {isHarnessError} = await import('@accrete/kit'); // Loaded by whoever throws one.
    if (isHarnessError(error)) {
      process.stderr.write(`${error.message}\n`);
      return 2;
    }
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.stderr.write('This is a bug in Accrete: please report it with the lines above.\n');
    return 1;
  }
}

// addCommand does not pass these on.
function inherited(command: Command): Command {
  for (const child of command.commands) inherited(child);
  return command.exitOverride().showHelpAfterError('(add --help for what there is)');
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as {version: string}).version;
}
