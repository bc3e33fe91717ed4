import {dataError} from './data-error.ts';

/** An IDX file of images: unsigned bytes, row-major [examples, height, width]. `pixels` is a view into the input. */
export interface IdxImages {
  readonly holds: 'images';
  readonly examples: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** An IDX file of labels: one unsigned byte per example. `labels` is a view into the input. */
export interface IdxLabels {
  readonly holds: 'labels';
  readonly examples: number;
  readonly labels: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Decode an IDX file as MNIST and its successors use it: unsigned bytes of one dimension (labels) or three (images).
 *
 * Header: two zero bytes, the element type, the number of dimensions, then each dimension as a big-endian 32-bit
 * integer. Nothing is copied or allocated: the result views `bytes`, and belongs to whoever owns `bytes`.
 *
 * @throws HarnessError E_DATA for another magic number, element type, number of dimensions, an empty dimension, or a
 *   length that is not exactly what the header announces.
 */
export function decodeIdx(bytes: Uint8Array): IdxImages | IdxLabels {
  if (bytes.length < 4) throw dataError(`an IDX file starts with a 4-byte magic number, got ${bytes.length} bytes.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const rank = magic & 0xff;
  if (magic >>> 8 !== UNSIGNED_BYTE || (rank !== 1 && rank !== 3)) {
    throw dataError(
      `an IDX file of bytes has the magic number 0x00000801 (labels) or 0x00000803 (images), got 0x${magic
        .toString(16)
        .padStart(8, '0')}. Is it still compressed, or another file?`,
      {magic},
    );
  }
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) {
    throw dataError(`an IDX header with ${rank} dimensions takes ${headerBytes} bytes, got ${bytes.length}.`);
  }
  const dimensions = Array.from({length: rank}, (_, i) => view.getUint32(4 + 4 * i));
  if (dimensions.includes(0)) throw dataError(`IDX dimensions are positive, got [${dimensions.join(', ')}].`);
  // Up to three factors below 2^32: the product may round, but never to the length of a real array.
  const expectedBytes = headerBytes + dimensions.reduce((product, d) => product * d, 1);
  if (bytes.length !== expectedBytes) {
    throw dataError(
      `an IDX file of dimensions [${dimensions.join(', ')}] has ${expectedBytes} bytes, got ${bytes.length}: ` +
        'it is truncated, or has something after its end.',
      {dimensions, expectedBytes, foundBytes: bytes.length},
    );
  }
  const body = bytes.subarray(headerBytes);
  const [examples, height, width] = dimensions as [number, number, number];
  return rank === 1
    ? {holds: 'labels', examples, labels: body}
    : {holds: 'images', examples, height, width, pixels: body};
}

/** Encode labels or images as an IDX file; the inverse of `decodeIdx`. The result is a new array. */
export function encodeIdx(body: Uint8Array, dimensions: readonly [number] | readonly [number, number, number]) {
  const size = dimensions.reduce((product, d) => product * d, 1);
  if (size !== body.length) {
    throw dataError(`dimensions [${dimensions.join(', ')}] hold ${size} bytes, got ${body.length}.`);
  }
  const headerBytes = 4 + 4 * dimensions.length;
  const bytes = new Uint8Array(headerBytes + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (UNSIGNED_BYTE << 8) | dimensions.length);
  dimensions.forEach((d, i) => {
    view.setUint32(4 + 4 * i, d);
  });
  bytes.set(body, headerBytes);
  return bytes;
}
