import {arrayFromBytes, bytesOf, type DType, HarnessError, type HostArray, messageOf, sizeBytes} from '@accrete/kit';
import * as z from 'zod';

const dtypeNames = {float32: 'F32', int32: 'I32', uint8: 'U8', bool: 'BOOL'} as const satisfies Record<DType, string>;
const dtypes = new Map<string, DType>((Object.keys(dtypeNames) as DType[]).map((ours) => [dtypeNames[ours], ours]));

/** The key of the header that holds text, and so cannot name an array. */
const METADATA = '__metadata__';

/** A header larger than this is refused: the format's own limit. */
const HEADER_LIMIT = 100_000_000;

const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/** Named arrays with free text beside them. */
export interface SafetensorsFile {
  readonly arrays: Readonly<Record<string, HostArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Encodes named arrays as a safetensors file: 8 bytes of header length, a JSON header padded to 8 bytes, then the data,
 * wide elements first, else sorted by name. Equal arrays and metadata give equal bytes, in whatever order they are listed.
 *
 * @throws HarnessError E_DUPLICATE for an array named `__metadata__`.
 *
 * Source: https://github.com/huggingface/safetensors, format description. Deviations: none.
 */
export function encodeSafetensors(file: SafetensorsFile): Uint8Array {
  if (Object.hasOwn(file.arrays, METADATA)) {
    throw new HarnessError(
      'E_DUPLICATE',
      `"${METADATA}" cannot name an array: safetensors keeps text there. Rename it.`,
    );
  }
  // Wide elements first, so that every array starts at a multiple of its element size.
  const names = Object.keys(file.arrays).sort((a, b) => {
    const width = (name: string): number => (file.arrays[name]!.data.BYTES_PER_ELEMENT === 4 ? 0 : 1);
    return width(a) - width(b) || (a < b ? -1 : a > b ? 1 : 0);
  });
  let offset = 0;
  const entries = names.map((name) => {
    const array = file.arrays[name]!;
    const begin = offset;
    offset += sizeBytes(array);
    return [name, {dtype: dtypeNames[array.dtype], shape: array.shape, data_offsets: [begin, offset]}];
  });
  const notes = Object.entries(file.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const metadata = notes.length > 0 ? [[METADATA, Object.fromEntries(notes)]] : [];
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries([...metadata, ...entries])));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const name of names) {
    const data = bytesOf(file.arrays[name]!);
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/**
 * Decodes a safetensors file. The arrays are views into `bytes` where alignment allows.
 *
 * @param where names the file in errors.
 * @throws HarnessError E_FILE where a length, offset, dtype or name is wrong, bytes are left over, or arrays overlap.
 */
export function decodeSafetensors(bytes: Uint8Array, where = 'safetensors file'): SafetensorsFile {
  const refuse = (problem: string): never => {
    throw new HarnessError('E_FILE', `${where} is no valid safetensors file: ${problem}.`, {where});
  };
  if (bytes.length < 8) return refuse(`expected at least 8 bytes, got ${bytes.length}`);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > HEADER_LIMIT || headerBytes > bytes.length - 8) {
    return refuse(`its header claims ${headerBytes} bytes, but the file has ${bytes.length - 8} after the length`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), refuse);
  const data = bytes.subarray(8 + headerBytes);
  const {[METADATA]: rawMetadata = {}, ...rawEntries} = header;
  const metadata = z.record(z.string(), z.string()).safeParse(rawMetadata);
  if (!metadata.success) return refuse(`${METADATA} must map text to text`);
  const arrays: [string, HostArray][] = [];
  const spans: (readonly [number, number, string])[] = [];
  for (const [name, value] of Object.entries(rawEntries)) {
    const entry = entrySchema.safeParse(value);
    if (!entry.success) return refuse(`the entry of "${name}" is malformed (${z.prettifyError(entry.error)})`);
    const {dtype: theirs, shape, data_offsets: offsets} = entry.data;
    const dtype =
      dtypes.get(theirs) ?? refuse(`"${name}" has dtype ${theirs}; known are ${[...dtypes.keys()].join(', ')}`);
    const [begin, end] = offsets;
    const expected = sizeBytes({shape, dtype});
    if (end - begin !== expected || end > data.length) {
      return refuse(
        `"${name}" [${shape.join(', ')}] ${theirs} takes ${expected} bytes, its offsets are ${begin} to ${end} of ${data.length}`,
      );
    }
    spans.push([begin, end, name]);
    arrays.push([name, arrayFromBytes(data.subarray(begin, end), {shape, dtype})]);
  }
  let reached = 0;
  for (const [begin, end, name] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== reached)
      return refuse(`"${name}" starts at ${begin}, expected ${reached}: arrays overlap or leave a gap`);
    reached = end;
  }
  if (reached !== data.length) return refuse(`${data.length - reached} bytes are left over at its end`);
  return {arrays: Object.fromEntries(arrays), metadata: metadata.data};
}

function parseHeader(bytes: Uint8Array, refuse: (problem: string) => never): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
  } catch (error) {
    return refuse(`its header is not JSON (${messageOf(error)})`);
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header))
    return refuse('its header is not an object');
  return header as Record<string, unknown>;
}
