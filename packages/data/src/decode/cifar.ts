import type {Split} from '../dataset.ts';
import {dataError} from './data-error.ts';
import {checkLabels} from './labels.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;

/** Which of the two binary layouts: CIFAR-10 has one label byte per record; CIFAR-100 a coarse one, then a fine one. */
export type CifarKind = 'cifar-10' | 'cifar-100';

/**
 * Decode one binary batch of CIFAR. A record is its label bytes and then 3072 pixels by colour plane (all red, all
 * green, all blue); the result holds them by pixel, [examples, 32, 32, 3], with the fine label of CIFAR-100.
 *
 * @returns a split of new arrays, owned by the caller.
 * @throws HarnessError E_DATA for a length that is not a positive number of whole records, or a label out of range.
 *
 * Source: Krizhevsky 2009, *Learning multiple layers of features from tiny images*, and the format's description on the
 * data set's page. Deviations: none; the coarse labels of CIFAR-100 are checked, then left out.
 */
export function decodeCifar(bytes: Uint8Array, kind: CifarKind): Split {
  const labelBytes = kind === 'cifar-10' ? 1 : 2;
  const recordBytes = labelBytes + PIXELS;
  if (bytes.length === 0 || bytes.length % recordBytes !== 0) {
    throw dataError(
      `a ${kind} batch is a positive number of records of ${recordBytes} bytes, got ${bytes.length} bytes ` +
        `(${Math.floor(bytes.length / recordBytes)} records and ${bytes.length % recordBytes} bytes): ` +
        'it is truncated, or another file.',
      {recordBytes, foundBytes: bytes.length},
    );
  }
  const examples = bytes.length / recordBytes;
  const labels = new Uint8Array(examples);
  const coarse = new Uint8Array(examples);
  for (let e = 0; e < examples; e++) {
    coarse[e] = bytes[e * recordBytes]!;
    labels[e] = bytes[e * recordBytes + labelBytes - 1]!;
  }
  if (kind === 'cifar-100') checkLabels(coarse, 20, `${kind} coarse labels`);
  checkLabels(labels, kind === 'cifar-10' ? 10 : 100, kind);
  const images = new Uint8Array(examples * PIXELS);
  for (let e = 0; e < examples; e++) {
    const from = e * recordBytes + labelBytes;
    let to = e * PIXELS;
    for (let p = from; p < from + PLANE; p++) {
      images[to++] = bytes[p]!;
      images[to++] = bytes[p + PLANE]!;
      images[to++] = bytes[p + 2 * PLANE]!;
    }
  }
  return {images, labels, examples};
}

/** One split out of several, in order. Copies; the inputs may be given up. */
export function concatSplits(splits: readonly Split[]): Split {
  const join = (parts: readonly Uint8Array[]): Uint8Array => {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
  return {
    images: join(splits.map((s) => s.images)),
    labels: join(splits.map((s) => s.labels)),
    examples: splits.reduce((sum, s) => sum + s.examples, 0),
  };
}
