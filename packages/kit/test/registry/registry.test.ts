import {expect} from 'chai';
import fc from 'fast-check';
import * as z from 'zod';
import {define, family, isHarnessError} from '../../src/index.ts';

interface Shape {
  readonly area: number;
}

const square = define({
  kind: 'square',
  summary: 'All sides alike.',
  source: {cite: 'Euclid, book I, definition 22', deviations: ['flat']},
  options: {side: z.number().positive().describe('length of a side'), holes: z.int().min(0).default(2)},
  create: ({side, holes}): Shape => ({area: side * side - holes}),
});
const dot = define({
  kind: 'dot',
  summary: 'No extent.',
  source: {cite: 'Euclid, book I, definition 1'},
  options: {},
  create: (): Shape => ({area: 0}),
});
const disc = define({
  kind: 'disc',
  summary: 'Round.',
  source: {cite: 'Euclid, book I, definition 15'},
  options: {radius: z.number().positive().default(1)},
  create: ({radius}): Shape => ({area: Math.PI * radius ** 2}),
});
const shapes = family<Shape>()('shape', [square, dot]);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return isHarnessError(error) ? `${error.code} ${error.message}` : `not ours: ${String(error)}`;
  }
  return 'nothing thrown';
}

describe('a registry', () => {
  it('builds by kind, with the defaults filled in', () => {
    expect(shapes.create({kind: 'square', side: 3}).area).to.equal(7);
    expect(shapes.create({kind: 'square', side: 3, holes: 0}).area).to.equal(9);
    expect(shapes.parse({kind: 'dot'}).area).to.equal(0);
    expect(shapes.validate({side: 3, kind: 'square'})).to.deep.equal({kind: 'square', side: 3, holes: 2});
    expect(Object.keys(shapes.validate({side: 3, kind: 'square'}))[0]).to.equal('kind');
  });

  it('names every known kind where one is unknown', () => {
    for (const kind of ['Square', 'toString', '__proto__', '']) {
      expect(codeOf(() => shapes.parse({kind}))).to.equal(
        `E_UNKNOWN E_UNKNOWN: unknown shape "${kind}". Known: square, dot.`,
      );
      expect(codeOf(() => shapes.describe(kind))).to.match(/^E_UNKNOWN .*Known: square, dot\.$/);
    }
  });

  it('refuses what is not exactly a config, and says where', () => {
    expect(codeOf(() => shapes.parse({kind: 'square', side: 0}))).to.match(/^E_CONFIG .*shape config\.\n.*\n.*at side/);
    expect(codeOf(() => shapes.parse({kind: 'square'}))).to.match(/^E_CONFIG [\s\S]*at side/);
    expect(codeOf(() => shapes.parse({kind: 'square', side: 1, sides: 4}))).to.match(/E_CONFIG [\s\S]*key: "sides"/);
    expect(codeOf(() => shapes.parse({kind: 'dot', side: 1}))).to.match(/E_CONFIG [\s\S]*key: "side"/);
    for (const input of [null, undefined, 'dot', 3, [], {}, {kind: 3}, {kind: ['dot']}]) {
      expect(
        codeOf(() => shapes.parse(input)),
        JSON.stringify(input),
      ).to.match(/^E_CONFIG /);
    }
  });

  it('refuses a kind that is defined twice', () => {
    expect(codeOf(() => family<Shape>()('shape', [dot, square, dot]))).to.match(
      /^E_DUPLICATE .*"dot" is defined twice/,
    );
    expect(codeOf(() => shapes.with(dot))).to.match(/^E_DUPLICATE .*"dot"/);
  });

  it('grows into a new registry and stays as it is', () => {
    const more = shapes.with(disc);
    expect(more.kinds).to.deep.equal(['square', 'dot', 'disc']);
    expect(more.create({kind: 'disc', radius: 2}).area).to.be.closeTo(12.566, 1e-3);
    expect(more.create({kind: 'square', side: 2}).area).to.equal(2);
    expect(shapes.kinds).to.deep.equal(['square', 'dot']);
    expect(codeOf(() => shapes.parse({kind: 'disc'}))).to.match(/^E_UNKNOWN /);
    expect(Object.isFrozen(shapes)).to.equal(true);
  });

  it('describes a kind: summary, source, and a JSON schema of what a user may write', () => {
    expect(shapes.describe('square')).to.deep.equal({
      family: 'shape',
      kind: 'square',
      summary: 'All sides alike.',
      source: {cite: 'Euclid, book I, definition 22', deviations: ['flat']},
      jsonSchema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          kind: {type: 'string', const: 'square'},
          side: {type: 'number', exclusiveMinimum: 0, description: 'length of a side'},
          holes: {type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 2},
        },
        required: ['kind', 'side'],
        additionalProperties: false,
      },
    });
  });

  it('law: a validated config survives JSON and is valid again, unchanged', () => {
    const config = fc.oneof(
      fc.constant({kind: 'dot'}),
      fc.record(
        {
          kind: fc.constant('square'),
          side: fc.double({min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true}),
          holes: fc.nat(),
        },
        {requiredKeys: ['kind', 'side']},
      ),
    );
    fc.assert(
      fc.property(config, (input) => {
        const valid = shapes.validate(input);
        expect(shapes.validate(JSON.parse(JSON.stringify(valid)))).to.deep.equal(valid);
        expect(shapes.parse(input)).to.deep.equal(shapes.parse(valid));
      }),
    );
  });

  it('has a schema for use inside larger ones', () => {
    const larger = z.strictObject({part: shapes.schema});
    expect(larger.parse({part: {kind: 'square', side: 1}})).to.deep.equal({part: {kind: 'square', side: 1, holes: 2}});
    expect(larger.safeParse({part: {kind: 'square', side: 1, x: 0}}).success).to.equal(false);
  });

  it('refuses mistakes at compile time already', () => {
    const wrong = [
      // @ts-expect-error unknown kind
      () => shapes.create({kind: 'circle'}),
      // @ts-expect-error misspelt option
      () => shapes.create({kind: 'square', side: 1, hole: 2}),
      // @ts-expect-error missing option
      () => shapes.create({kind: 'square'}),
      // @ts-expect-error option of another type
      () => shapes.create({kind: 'square', side: '1'}),
      // @ts-expect-error option of another kind
      () => shapes.create({kind: 'dot', side: 1}),
    ];
    for (const attempt of wrong) expect(codeOf(attempt)).to.match(/^E_(UNKNOWN|CONFIG) /);
    // @ts-expect-error a definition without a source
    define({kind: 'line', summary: 'Long.', options: {}, create: (): Shape => ({area: 0})});
  });
});
