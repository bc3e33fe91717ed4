import {HarnessError} from '@accrete/kit';

/** A damaged, missing or unexpected piece of data: E_DATA, with what was expected and what came. */
export function dataError(message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
  return new HarnessError('E_DATA', message, details, cause);
}
