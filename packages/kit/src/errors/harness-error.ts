/** Machine-readable failure codes. Adding one is a minor change; renaming one is breaking. */
export type ErrorCode =
  | 'E_CONFIG' // a config, option or flag is not what its schema asks for
  | 'E_COMBINATION' // every part is valid, but together they make no sense
  | 'E_UNKNOWN' // a name that no registry or list knows
  | 'E_DUPLICATE' // a name given twice
  | 'E_SHAPE' // shapes or dtypes that do not fit
  | 'E_NON_FINITE' // NaN or infinity where a number was needed
  | 'E_DATA' // a data set that is missing, damaged or wrongly hashed
  | 'E_FILE' // a file that cannot be read, written or is damaged
  | 'E_RECORD' // a run folder, event log or checkpoint that is damaged or of another version
  | 'E_EXISTS' // something is there already and is not the same
  | 'E_ENGINE' // an engine that is missing or cannot do what was asked
  | 'E_TRACE' // a function that cannot be traced
  | 'E_DISPOSED' // use of something that was given up
  | 'E_FROZEN' // a frozen module changed
  | 'E_WITHHELD' // information that the scenario withholds
  | 'E_WORKER'; // a worker process failed

/** Every error thrown on purpose. `message` states what was expected, what came, and what to do. */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : {cause});
    this.code = code;
    this.details = details;
  }
}

/** True for errors thrown on purpose: the user's mistake, not ours. */
export function isHarnessError(error: unknown): error is HarnessError {
  return error instanceof HarnessError;
}

/** The message of anything that was thrown, in one line where it has one. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
