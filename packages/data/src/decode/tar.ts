import {dataError} from './data-error.ts';

const BLOCK = 512;
const latin = new TextDecoder('latin1');

/**
 * The members of a tar archive with exactly the names in `wanted`, as views into `bytes`. Nothing is written to disk and
 * no name in the archive becomes a path, so a hostile archive has no path to traverse. Only regular files count.
 *
 * @throws HarnessError E_DATA for a damaged header, a member cut short, a member given twice, or one that is missing.
 */
export function tarMembers(bytes: Uint8Array, wanted: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  let at = 0;
  while (at + BLOCK <= bytes.length) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = checkedSize(header, at);
    const from = at + BLOCK;
    if (from + size > bytes.length) {
      throw dataError(`tar member at byte ${at} announces ${size} bytes, got ${bytes.length - from}: truncated.`);
    }
    const name = memberName(header);
    const type = header[156]!;
    if ((type === 0 || type === 0x30) && wanted.includes(name)) {
      if (found.has(name)) throw dataError(`tar member "${name}" is there twice; expected it once.`);
      found.set(name, bytes.subarray(from, from + size));
    }
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  const missing = wanted.filter((name) => !found.has(name));
  if (missing.length > 0) throw dataError(`the tar archive lacks ${missing.join(', ')}.`, {missing});
  return found;
}

function checkedSize(header: Uint8Array, at: number): number {
  const stated = octal(header, 148, 8);
  let sum = 8 * 0x20;
  header.forEach((byte, i) => {
    if (i < 148 || i >= 156) sum += byte;
  });
  const size = octal(header, 124, 12);
  if (stated !== sum || size === undefined) {
    throw dataError(`damaged tar header at byte ${at}: expected checksum ${sum}, got ${stated ?? 'none'}.`);
  }
  return size;
}

function octal(header: Uint8Array, from: number, length: number): number | undefined {
  const text = cString(header, from, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function memberName(header: Uint8Array): string {
  const name = cString(header, 0, 100);
  const prefix = cString(header, 257, 5) === 'ustar' ? cString(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function cString(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return latin.decode(end < 0 ? field : field.subarray(0, end));
}
