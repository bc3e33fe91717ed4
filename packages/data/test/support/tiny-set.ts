import {sha256} from '@accrete/kit';
import type {FileSet, Files, Provider, StoredFile} from '../../src/source/file-set.ts';

/** Two files of 60 bytes: two splits of 15 images, 2 x 2, all of class 0. */
export const tinyContents: Files = new Map([
  ['train.bin', Uint8Array.from({length: 60}, (_, i) => i)],
  ['test.bin', Uint8Array.from({length: 60}, (_, i) => 255 - i)],
]);

export const tinyFiles: readonly StoredFile[] = [...tinyContents].map(([name, bytes]) => ({
  name,
  sizeBytes: bytes.length,
  sha256: sha256(bytes),
}));

/** A data set of two small files, with the given providers. */
export function tinySet(...providers: readonly Provider[]): FileSet {
  const split = (files: Files, name: string) => ({
    images: files.get(name)!,
    labels: new Uint8Array(15),
    examples: 15,
  });
  return {
    kind: 'tiny',
    imageShape: [2, 2, 1],
    classes: ['only', 'other', 'third'],
    examples: {train: 15, test: 15},
    licence: 'none',
    cite: 'none',
    url: 'none',
    notes: [],
    files: tinyFiles,
    providers,
    decode: async (files) => ({train: split(files, 'train.bin'), test: split(files, 'test.bin')}),
  };
}

/** A provider that answers with `files`, or throws, and counts how often it was asked. */
export function provider(name: string, files: Files | Error, network = false): Provider & {asked: number} {
  return {
    name,
    network,
    asked: 0,
    async fetch() {
      this.asked++;
      if (files instanceof Error) throw files;
      return files;
    },
  };
}
