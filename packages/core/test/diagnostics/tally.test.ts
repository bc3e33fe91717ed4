import {eventSchema} from '@accrete/kit';
import {expect} from 'chai';
import {routingTally} from '../../src/index.ts';

const path = {modules: ['a/base', 'a/module:0', 'a/module:1', 'ab/module:0']};
const alpha = (shape: readonly number[], ...values: number[]) => ({shape, data: Float32Array.from(values)});
const ln = Math.log;

describe('how routers share out examples', () => {
  it('is counted by site and task: load and mean entropy, by hand', () => {
    const tally = routingTally();
    tally.add(path, 'a', alpha([3, 2], 0.75, 0.25, 1, 0, 0.5, 0.5), [0, 1, 0]);
    const [zero, one] = tally.summary();
    expect(zero!.modules).to.deep.equal(['a/module:0', 'a/module:1']);
    expect([zero!.evalTask, zero!.load, zero!.examples, zero!.unserved]).to.deep.equal([0, [0.625, 0.375], 2, 0]);
    const first = -(0.75 * ln(0.75) + 0.25 * ln(0.25));
    expect(zero!.entropy).to.be.closeTo((first + ln(2)) / 2, 1e-12);
    expect([one!.load, one!.entropy]).to.deep.equal([[1, 0], 0]);
  });

  it('takes scores of a task for all rows, the mean over positions of tokens, and sizes of scores of either sign', () => {
    const tally = routingTally();
    tally.add(path, 'a', alpha([2], 3, -1), [0, 0]);
    expect(tally.summary()[0]).to.deep.include({load: [0.75, 0.25], examples: 2});
    const tokens = routingTally();
    tokens.add(path, 'a', alpha([1, 2, 2], 1, 0, 0, 4), [0]);
    expect(tokens.summary()[0]!.load).to.deep.equal([0.5, 0.5]);
    expect(tokens.summary()[0]!.entropy).to.be.closeTo(ln(2), 1e-12);
    const maps = routingTally();
    maps.add(path, 'a', alpha([1, 2, 2, 2], 1, 0, 1, 0, 0, 4, 1, 1), [0]);
    expect(maps.summary()[0]!.load).to.deep.equal([0.625, 0.375]);
  });

  it('leaves out rows that do not count, and counts tokens and examples that no module serves apart', () => {
    const tally = routingTally();
    tally.add(path, 'a', alpha([3, 2], 1, 0, 0, 1, 0, 0), [null, 0, 0]);
    expect(tally.summary()).to.have.length(1);
    expect(tally.summary()[0]).to.deep.include({load: [0, 1], examples: 1, unserved: 0.5});
    const tokens = routingTally();
    tokens.add(path, 'a', alpha([1, 4, 2], 1, 0, 0, 0, 0, 2, 1, 0), [0]);
    expect(tokens.summary()[0]).to.deep.include({examples: 1, unserved: 0.25});
    expect(tokens.summary()[0]!.load[0]).to.be.closeTo(2 / 3, 1e-12);
    const silent = routingTally();
    silent.add(path, 'a', alpha([1, 2], 0, 0), [0]);
    expect(silent.summary()).to.deep.equal([]);
  });

  it('makes events of a log', () => {
    const tally = routingTally();
    tally.add(path, 'a', alpha([2], 1, 3), [0, 2]);
    for (const summary of tally.summary()) {
      eventSchema.parse({type: 'routing', seq: 0, time: '2026-01-01T00:00:00Z', afterTask: 2, ...summary});
    }
  });
});
