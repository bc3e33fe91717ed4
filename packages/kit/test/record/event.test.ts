import {expect} from 'chai';
import fc from 'fast-check';
import {eventSchema} from '../../src/index.ts';
import {isCertainlyEvent} from '../../src/record/event.ts';
import {everyEvent} from '../support/events.ts';

describe('the schema of events', () => {
  for (const event of everyEvent) {
    it(`takes ${event.type} through JSON unchanged, and refuses an unknown, a missing or a misshapen key`, () => {
      const read = JSON.parse(JSON.stringify(event));
      expect(eventSchema.parse(read)).to.deep.equal(event);
      expect(eventSchema.safeParse({...event, extra: 1}).success, 'extra').to.equal(false);
      for (const key of Object.keys(event).filter((name) => name !== 'reason' || event.type === 'growth')) {
        const {[key]: _, ...rest} = read;
        expect(eventSchema.safeParse(rest).success, `without ${key}`).to.equal(false);
        expect(eventSchema.safeParse({...read, [key]: {wrong: true}}).success, `wrong ${key}`).to.equal(false);
      }
    });
  }

  it('takes what a task may cost beyond its times, where it was measured', () => {
    const taskEnd = everyEvent.find((event) => event.type === 'task-end')!;
    const measured = {...taskEnd, cpuMs: 9.5, memoryPeakBytes: 1e9, flopsPerExample: 4000, flopsActive: 2000};
    expect(eventSchema.parse(measured)).to.deep.equal(measured);
    expect(eventSchema.safeParse({...measured, memoryPeakBytes: -1}).success).to.equal(false);
  });

  it('takes the share of tokens that no module serves, where it was counted', () => {
    const counted = {...everyEvent.find((event) => event.type === 'routing')!, unserved: 0.125};
    expect(eventSchema.parse(counted)).to.deep.equal(counted);
    expect(eventSchema.safeParse({...counted, unserved: 1.5}).success).to.equal(false);
  });

  it('refuses unknown types, keys deeper down, numbers out of range and times that are none', () => {
    const evaluation = everyEvent.find((event) => event.type === 'evaluation')!;
    const taskStart = everyEvent.find((event) => event.type === 'task-start')!;
    const refused = [
      {...evaluation, type: 'evaluations'},
      {...taskStart, parameters: {...taskStart.parameters, frozen: 1}},
      {...evaluation, accuracy: 1.01},
      {...evaluation, accuracy: Number.NaN},
      {...evaluation, afterTask: -2},
      {...evaluation, seq: -1},
      {...evaluation, seq: 0.5},
      {...evaluation, time: 'yesterday'},
      {...evaluation, split: 'train'},
      null,
    ];
    for (const event of refused) expect(eventSchema.safeParse(event).success, JSON.stringify(event)).to.equal(false);
  });
});

describe('the quick check of events', () => {
  const asRead = (event: unknown) => JSON.parse(JSON.stringify(event));

  for (const event of everyEvent) {
    it(`knows ${event.type}, so that a log of them is read quickly`, () => {
      expect(isCertainlyEvent(asRead(event))).to.equal(true);
      expect(isCertainlyEvent({...asRead(event), extra: 1})).to.equal(false);
    });
  }

  /** The same value with something else at one place in it. */
  function changed(value: unknown, path: readonly number[], other: unknown): unknown {
    const [first, ...rest] = path;
    if (first === undefined || typeof value !== 'object' || value === null) return other;
    const keys = Object.keys(value);
    if (keys.length === 0) return other;
    const key = keys[first % keys.length] ?? '';
    const inside = changed((value as Record<string, unknown>)[key], rest, other);
    if (Array.isArray(value)) return value.map((item, i) => (String(i) === key ? inside : item));
    const {[key]: _, ...left} = value as Record<string, unknown>;
    return inside === undefined ? left : {...value, [key]: inside};
  }

  it('law: lets through only what the schema takes, and that unchanged', () => {
    const place = fc.array(fc.nat({max: 30}), {minLength: 1, maxLength: 4});
    const awkward = [
      undefined,
      null,
      -1,
      0.5,
      2,
      1e300,
      Infinity,
      '',
      'ok',
      [],
      {},
      [[]],
      '2026-02-30T00:00:00Z',
      true,
    ];
    const other = fc.oneof(fc.constantFrom(...awkward), fc.jsonValue());
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...everyEvent), place, other, (event, path, replacement) => {
        const value = changed(asRead(event), path, replacement);
        if (!isCertainlyEvent(value)) return;
        taken++;
        expect(eventSchema.parse(value)).to.deep.equal(value);
      }),
      {numRuns: 1000},
    );
    expect(taken).to.be.greaterThan(20);
  });

  it('refuses what JSON can hold and zod would not give back: infinities, and a key that names a prototype', () => {
    const [epoch] = everyEvent.filter(({type}) => type === 'epoch');
    const [hashes] = everyEvent.filter(({type}) => type === 'frozen-hash');
    const text = JSON.stringify(epoch);
    expect(isCertainlyEvent(JSON.parse(text.replace('"loss":0.7', '"loss":1e999')))).to.equal(false);
    expect(isCertainlyEvent(JSON.parse(JSON.stringify(hashes).replace('layer0/base', '__proto__')))).to.equal(false);
  });
});
