import {isDeepStrictEqual} from 'node:util';

/** A spec of a suite. */
export interface Spec {
  readonly name: string;
  run(): Promise<void>;
}

type Body = (done?: unknown) => unknown;
interface Suite {
  readonly name: string;
  readonly parent: Suite | undefined;
  readonly before: Body[];
  readonly after: Body[];
  readonly specs: Spec[];
  readonly beforeEach: Body[];
  readonly afterEach: Body[];
}

/** The suites that the spec files described, innermost with their specs. */
export const suites: Suite[] = [];
let current: Suite | undefined;

/** Puts the few functions of Jasmine that tfjs-core's specs use among the globals. */
export function installJasmine(): void {
  const register = (list: 'before' | 'after' | 'beforeEach' | 'afterEach') => (body: Body) => {
    current![list].push(body);
  };
  const it = (name: string, body: Body): void => {
    const suite = current!;
    suite.specs.push({name: `${fullName(suite)} ${name}`, run: () => runSpec(suite, body)});
  };
  Object.assign(globalThis, {
    describe,
    fdescribe: describe,
    xdescribe: () => {},
    it,
    fit: it,
    xit: () => {},
    beforeAll: register('before'),
    afterAll: register('after'),
    beforeEach: register('beforeEach'),
    afterEach: register('afterEach'),
    expect: expectation,
    jasmine: {DEFAULT_TIMEOUT_INTERVAL: 0},
    fail: (reason: unknown) => {
      throw new Error(`fail: ${String(reason)}`);
    },
  });
}

function describe(name: string, body: () => void): void {
  const parent = current;
  current = {name, parent, before: [], after: [], specs: [], beforeEach: [], afterEach: []};
  suites.push(current);
  body();
  current = parent;
}

function fullName(suite: Suite): string {
  return suite.parent === undefined ? suite.name : `${fullName(suite.parent)} ${suite.name}`;
}

/** A suite and those around it, outermost first. */
export function around(suite: Suite): Suite[] {
  return suite.parent === undefined ? [suite] : [...around(suite.parent), suite];
}

async function runSpec(suite: Suite, body: Body): Promise<void> {
  const all = around(suite);
  for (const {beforeEach} of all) for (const hook of beforeEach) await hook();
  try {
    if (body.length > 0) await new Promise<void>((resolve, reject) => body(Object.assign(resolve, {fail: reject})));
    else await body();
  } finally {
    for (const {afterEach} of all.toReversed()) for (const hook of afterEach) await hook();
  }
}

function expectation(actual: unknown) {
  return {...matchers(actual, true), not: matchers(actual, false), withContext: () => matchers(actual, true)};
}

function matchers(actual: unknown, wanted: boolean) {
  const check = (holds: boolean, what: string): void => {
    if (holds !== wanted) throw new Error(`expected ${show(actual)} ${wanted ? '' : 'not '}${what}`);
  };
  const thrown = (): unknown => {
    try {
      (actual as () => unknown)();
    } catch (error) {
      return error ?? new Error('nothing');
    }
    return undefined;
  };
  const fits = (error: unknown, message: unknown): boolean => {
    if (!(error instanceof Error)) return false;
    if (message instanceof RegExp) return message.test(error.message);
    return typeof message === 'string' ? error.message === message : true;
  };
  return {
    toBe: (expected: unknown) => check(Object.is(actual, expected), `to be ${show(expected)}`),
    toEqual: (expected: unknown) =>
      check(isDeepStrictEqual(plain(actual), plain(expected)), `to equal ${show(expected)}`),
    toThrow: () => check(thrown() !== undefined, 'to throw'),
    toThrowError: (message?: unknown) => check(fits(thrown(), message), `to throw ${show(message)}`),
    toBeTruthy: () => check(Boolean(actual), 'to be truthy'),
    toBeFalsy: () => check(!actual, 'to be falsy'),
    nothing: () => {},
    toMatch: (pattern: RegExp) => check(pattern.test(String(actual)), `to match ${pattern}`),
    toContain: (part: string) => check(String(actual).includes(part), `to contain ${part}`),
    toBeNull: () => check(actual === null, 'to be null'),
    toBeDefined: () => check(actual !== undefined, 'to be defined'),
    toBeUndefined: () => check(actual === undefined, 'to be undefined'),
    toBeLessThan: (limit: number) => check((actual as number) < limit, `to be less than ${limit}`),
    toBeLessThanOrEqual: (limit: number) => check((actual as number) <= limit, `to be at most ${limit}`),
    toBeGreaterThan: (limit: number) => check((actual as number) > limit, `to be more than ${limit}`),
    toBeGreaterThanOrEqual: (limit: number) => check((actual as number) >= limit, `to be at least ${limit}`),
    toBeCloseTo: (expected: number, digits = 2) =>
      check(Math.abs((actual as number) - expected) < 10 ** -digits / 2, `to be close to ${expected}`),
  };
}

/** Jasmine does not tell 0 from -0 apart by identity of prototypes across realms, nor undefined members from absent ones. */
function plain(value: unknown): unknown {
  return Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<unknown>, plain) : value;
}

function show(value: unknown): string {
  return value instanceof RegExp || value instanceof Error ? String(value) : (JSON.stringify(value) ?? String(value));
}
