import {createHash} from 'node:crypto';

/** Anything that survives a round trip through JSON unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};

/**
 * JSON with the keys of every object sorted, so that equal values give equal text. A key whose value is undefined is left out.
 *
 * @throws TypeError where a value is not JSON: a function, a symbol, a bigint, NaN, an infinity, or undefined in a list.
 */
export function canonicalJson(value: unknown): string {
  if (value === undefined) throw new TypeError('undefined is not JSON');
  return JSON.stringify(value, (key, v: unknown) => {
    if (typeof v === 'number' && !Number.isFinite(v)) throw new TypeError(`"${key}" is ${v}, which JSON cannot hold`);
    if (typeof v === 'function' || typeof v === 'symbol') throw new TypeError(`"${key}" is a ${typeof v}, not JSON`);
    if (Array.isArray(v) && v.includes(undefined)) throw new TypeError(`"${key}" holds undefined, not JSON`);
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return v;
    const object = v as Record<string, unknown>;
    return Object.fromEntries(
      Object.keys(object)
        .sort()
        .map((k) => [k, object[k]]),
    );
  });
}

/** SHA-256 of text or bytes, as 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
