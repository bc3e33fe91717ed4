import {closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync} from 'node:fs';
import {type ArrayReader, safetensorsReader, shardsReader} from '@accrete/core';
import {bytesOf, fileError, HarnessError, hostArray, sizeOf} from '@accrete/kit';
import {type ArrayFamily, noBase} from './array-family.ts';
import {allFinite, type Merger} from './merger.ts';

/** What is merged, and where the result goes: files of safetensors, or indices of shards (`*.safetensors.index.json`). */
export interface FileMerge {
  readonly base: string | null;
  readonly networks: readonly string[];
  readonly out: string;
  readonly report?: (done: number) => void;
}

/**
 * Merges the arrays of files by their names, whatever networks they make. In memory is what one name has in every file, and the
 * merged array: files may be larger than memory. The result is one file of float32, which appears whole or not at all.
 *
 * @throws HarnessError E_COMBINATION for mergers that do not work number by number, or where a base or networks are missing; E_SHAPE
 *   listing every array that not all files have in one shape; E_NON_FINITE naming an array with weights that are no numbers; E_FILE.
 *   The merged file is written only where all is well.
 */
export function mergeFiles(merger: Merger, {base, networks, out, report}: FileMerge): void {
  const {elementwise} = merger;
  if (!elementwise) {
    throw new HarnessError(
      'E_COMBINATION',
      'the method looks at more than the numbers at one place, so it cannot merge files array by array. Merge networks, or use average, task-arithmetic or ties.',
    );
  }
  if (networks.length === 0)
    throw new HarnessError('E_COMBINATION', 'cannot merge: expected one file or more, got none.');
  if (merger.needsBase && base === null) noBase();
  const readers = networks.map(readerOf);
  const start = base === null ? null : readerOf(base);
  const first = start ?? readers[0]!;
  const named = [
    ...(start ? [[base!, start] as const] : []),
    ...readers.map((reader, t) => [networks[t]!, reader] as const),
  ];
  checkAlike(first, named);
  for (const [file, reader] of named) checkFinite(file, reader);
  const names = [...first.arrays.keys()];
  const sizes = new Map(names.map((name) => [name, sizeOf(first.arrays.get(name)!.shape)]));
  const read = (reader: ArrayReader, name: string): Float32Array => reader.read(name).data as Float32Array;
  const arrays: ArrayFamily = {
    names,
    networks: readers.length,
    size: (name) => sizes.get(name)!,
    base: (name) => read(start ?? noBase(), name),
    of: (network, name) => read(readers[network]!, name),
  };
  const written = new Set<string>();
  writeArrays(out, first, (write) =>
    elementwise(arrays, (name, data) => {
      write(name, data);
      written.add(name);
      report?.(written.size / names.length);
    }),
  );
}

function readerOf(file: string): ArrayReader {
  return file.endsWith('.json') ? shardsReader(file) : safetensorsReader(file);
}

function checkAlike(first: ArrayReader, all: readonly (readonly [string, ArrayReader])[]): void {
  const problems = all.flatMap(([file, {arrays}]) => [
    ...[...first.arrays.keys()].filter((name) => !arrays.has(name)).map((name) => `${file}: ${name} is missing`),
    ...[...arrays].flatMap(([name, {shape, type}]) => {
      const wanted = first.arrays.get(name)?.shape;
      if (!wanted) return [`${file}: ${name} is extra`];
      if (shape.join() !== wanted.join())
        return [`${file}: ${name} is [${shape.join(', ')}], expected [${wanted.join(', ')}]`];
      return floats.has(type) ? [] : [`${file}: ${name} holds ${type}, which is not merged`];
    }),
  ]);
  if (problems.length > 0)
    throw new HarnessError('E_SHAPE', `the files do not fit together:\n  ${problems.join('\n  ')}`, {problems});
}

const floats: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16', 'F64']);

function checkFinite(file: string, reader: ArrayReader): void {
  const wild = [...reader.arrays.keys()].filter((name) => !allFinite(reader.read(name).data as Float32Array));
  if (wild.length > 0)
    throw new HarnessError('E_NON_FINITE', `${file}: weights that are no numbers in ${wild.join(', ')}.`, {wild});
}

/** Writes float32 arrays of the shapes of others, in any order, into one file of safetensors. */
function writeArrays(
  file: string,
  {arrays}: ArrayReader,
  work: (write: (name: string, data: Float32Array) => void) => void,
): void {
  const offsets = new Map<string, number>();
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, {shape}] of arrays) {
    offsets.set(name, end);
    header[name] = {dtype: 'F32', shape, data_offsets: [end, end + 4 * sizeOf(shape)]};
    end += 4 * sizeOf(shape);
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(
    text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8 - Buffer.byteLength(text) + text.length),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = openSync(temporary, 'w');
    try {
      const put = (bytes: Uint8Array, position: number): void => {
        for (let at = 0; at < bytes.length; )
          at += writeSync(handle, bytes, at, Math.min(bytes.length - at, 2 ** 30), position + at);
      };
      put(Buffer.concat([length, padded]), 0);
      ftruncateSync(handle, 8 + padded.length + end);
      work((name, data) =>
        put(bytesOf(hostArray(data, [data.length], 'float32')), 8 + padded.length + offsets.get(name)!),
      );
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, {force: true});
    throw cause instanceof HarnessError ? cause : fileError('write the merged file', file, cause);
  }
}
