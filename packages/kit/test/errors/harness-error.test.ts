import {expect} from 'chai';
import {HarnessError, isHarnessError, messageOf} from '../../src/index.ts';

describe('harness errors', () => {
  it('carry code, details and cause, and start their message with the code', () => {
    const cause = new Error('inner');
    const error = new HarnessError('E_SHAPE', 'expected [2], got [3].', {got: 3}, cause);
    expect(error.message).to.equal('E_SHAPE: expected [2], got [3].');
    expect(error).to.include({code: 'E_SHAPE', name: 'HarnessError', cause});
    expect(error.details).to.deep.equal({got: 3});
    expect('cause' in new HarnessError('E_FILE', 'x')).to.equal(false);
  });

  it('are told from all others, and anything thrown has a message', () => {
    expect(isHarnessError(new HarnessError('E_FILE', 'x'))).to.equal(true);
    expect([new Error('x'), 'x', null].some(isHarnessError)).to.equal(false);
    expect([messageOf(new Error('x')), messageOf('y'), messageOf(undefined)]).to.deep.equal(['x', 'y', 'undefined']);
  });
});
