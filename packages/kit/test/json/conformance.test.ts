import {expect} from 'chai';
import * as z from 'zod';
import {conformance, type JsonSchema} from '../../src/json/conformance.ts';

const of = (schema: z.ZodType) => conformance(z.toJSONSchema(schema) as JsonSchema);

describe('a quick check', () => {
  it('says yes to what a schema takes, and no to what it does not', () => {
    const point = of(
      z.strictObject({x: z.int().min(0), y: z.number().nullable().optional(), kind: z.enum(['a', 'b'])}),
    );
    for (const yes of [
      {x: 0, kind: 'a'},
      {x: 3, y: null, kind: 'b'},
      {kind: 'a', y: -0.5, x: 1},
    ]) {
      expect(point(yes), JSON.stringify(yes)).to.equal(true);
    }
    const refused = [
      {x: 0},
      {x: -1, kind: 'a'},
      {x: 0.5, kind: 'a'},
      {x: 1, kind: 'c'},
      {x: 1, kind: 'a', z: 1},
      [],
      null,
    ];
    for (const no of refused) expect(point(no), JSON.stringify(no)).to.equal(false);
    expect(of(z.array(z.boolean()))([true, false])).to.equal(true);
    expect(of(z.array(z.boolean()))([true, 0])).to.equal(false);
    expect(of(z.record(z.string(), z.int()))({a: 1, b: 2})).to.equal(true);
    expect(of(z.record(z.string(), z.int()))({a: 'x'})).to.equal(false);
  });

  it('says no to everything where it does not understand the schema', () => {
    expect(of(z.looseObject({x: z.int()}))({x: 1})).to.equal(false);
    expect(of(z.strictObject({x: z.string().min(1)}))({x: 'a'})).to.equal(false);
    expect(of(z.number().positive())(1)).to.equal(false);
    expect(of(z.tuple([z.int()]))([1])).to.equal(false);
  });
});
