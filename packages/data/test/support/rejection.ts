import {type HarnessError, isHarnessError} from '@accrete/kit';
import {expect} from 'chai';

/** The HarnessError E_DATA that `act` throws or rejects with; anything else fails the test. */
export async function dataErrorOf(act: () => unknown): Promise<HarnessError> {
  let error: unknown;
  try {
    await act();
  } catch (thrown) {
    error = thrown;
  }
  if (!isHarnessError(error)) expect.fail(`expected a HarnessError, got ${String(error)}`);
  expect(error.code).to.equal('E_DATA');
  return error;
}
