import type {Split} from '../dataset.ts';
import {dataError} from '../decode/data-error.ts';
import {gunzip} from '../decode/gunzip.ts';
import {decodeIdx} from '../decode/idx.ts';
import {checkLabels} from '../decode/labels.ts';
import type {CanonicalFile} from '../source/canonical-address.ts';
import type {Decoded, Files, StoredFile} from '../source/file-set.ts';

/** The four files of MNIST and of everything that takes its place. */
export type IdxRole = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

const NAMES: Readonly<Record<IdxRole, string>> = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
};

const UNPACKED_BYTES: Readonly<Record<IdxRole, number>> = {
  trainImages: 16 + 60_000 * 784,
  trainLabels: 8 + 60_000,
  testImages: 16 + 10_000 * 784,
  testLabels: 8 + 10_000,
};

/** Length and SHA-256 of a file. */
export interface Checksum {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The four files as the cache keeps them unpacked. `sizes` only where they are not 60,000 + 10,000 of 28 x 28. */
export function idxFiles(
  sha256: Readonly<Record<IdxRole, string>>,
  sizes: Readonly<Record<IdxRole, number>> = UNPACKED_BYTES,
): Readonly<Record<IdxRole, StoredFile>> {
  const file = (role: IdxRole): StoredFile => ({name: NAMES[role], sizeBytes: sizes[role], sha256: sha256[role]});
  return byRole(file);
}

/** The four files as the cache keeps them gzipped, as published: for sets of which only those hashes are known. */
export function gzippedIdxFiles(published: Readonly<Record<IdxRole, Checksum>>): Readonly<Record<IdxRole, StoredFile>> {
  return byRole((role) => ({name: `${NAMES[role]}.gz`, ...published[role]}));
}

/** The four files as published at `<base><name>.gz`, unpacked where the cache keeps them so. */
export function publishedIdx(
  base: string,
  stored: Readonly<Record<IdxRole, StoredFile>>,
  published: Readonly<Record<IdxRole, Checksum>>,
): readonly CanonicalFile[] {
  return Object.values(
    byRole((role): CanonicalFile => {
      const {name, sizeBytes} = stored[role];
      const packed = `${NAMES[role]}.gz`;
      return {
        url: `${base}${packed}`,
        name: packed,
        ...published[role],
        brings: [stored[role]],
        unpack: async (bytes) => new Map([[name, name === packed ? bytes : await gunzip(bytes, sizeBytes)]]),
      };
    }),
  );
}

/** Decode the four files, whichever way they are kept. @throws HarnessError E_DATA */
export async function decodeIdxFiles(
  files: Files,
  stored: Readonly<Record<IdxRole, StoredFile>>,
  expected: ExpectedImages,
): Promise<Decoded> {
  const content = async (role: IdxRole): Promise<Uint8Array> => {
    const {name} = stored[role];
    const bytes = files.get(name)!;
    return name.endsWith('.gz') ? await gunzip(bytes, UNPACKED_BYTES[role]) : bytes;
  };
  return {
    train: splitFromIdx(await content('trainImages'), await content('trainLabels'), expected),
    test: splitFromIdx(await content('testImages'), await content('testLabels'), expected),
  };
}

/** What the images of a split must be. */
export interface ExpectedImages {
  readonly name: string;
  /** [height, width, channels]. */
  readonly imageShape: readonly [number, number, number];
  readonly classes: number;
}

/**
 * One split out of the contents of an image file and a label file. The arrays are views into them.
 *
 * @throws HarnessError E_DATA where either is not what it should be, or the two do not fit together.
 */
export function splitFromIdx(images: Uint8Array, labels: Uint8Array, expected: ExpectedImages): Split {
  const pictures = decodeIdx(images);
  const names = decodeIdx(labels);
  const {name, imageShape, classes} = expected;
  if (pictures.holds !== 'images' || names.holds !== 'labels') {
    throw dataError(`${name}: expected an images file and a labels file, got ${pictures.holds} and ${names.holds}.`);
  }
  if (pictures.height !== imageShape[0] || pictures.width !== imageShape[1]) {
    throw dataError(
      `${name}: expected images of ${imageShape[0]} x ${imageShape[1]}, got ${pictures.height} x ${pictures.width}.`,
    );
  }
  if (pictures.examples !== names.examples) {
    throw dataError(`${name}: expected as many labels as images, got ${names.examples} and ${pictures.examples}.`);
  }
  checkLabels(names.labels, classes, name);
  return {images: pictures.pixels, labels: names.labels, examples: names.examples};
}

function byRole<T>(make: (role: IdxRole) => T): Readonly<Record<IdxRole, T>> {
  return {
    trainImages: make('trainImages'),
    trainLabels: make('trainLabels'),
    testImages: make('testImages'),
    testLabels: make('testLabels'),
  };
}
