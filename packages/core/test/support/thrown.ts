import {HarnessError} from '@accrete/kit';

/** What `work` throws on purpose; anything else passes through, and throwing nothing is an error. */
export function thrown(work: () => unknown): HarnessError {
  try {
    work();
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
  throw new Error('expected a HarnessError, nothing was thrown');
}
