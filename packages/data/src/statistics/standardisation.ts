import type {Dataset} from '../dataset.ts';

/** Per channel, of pixel/255: what to subtract and what to divide by. */
export interface Standardisation {
  readonly mean: readonly number[];
  readonly sd: readonly number[];
}

/**
 * Mean and population standard deviation of the training pixels, divided by 255, one of each per channel.
 *
 *   mean[c] = sum(x) / (255 n)        sd[c] = sqrt(sum(x^2) / n - (sum(x) / n)^2) / 255
 *
 * The sums are of integers below 2^53, hence exact. The test split is not looked at. A channel that is constant has an
 * sd of 0: the caller decides what to divide by then.
 */
export function standardisation(dataset: Dataset): Standardisation {
  const channels = dataset.imageShape[2];
  const {images} = dataset.train;
  const n = images.length / channels;
  const mean: number[] = [];
  const sd: number[] = [];
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let i = c; i < images.length; i += channels) {
      const x = images[i]!;
      sum += x;
      squares += x * x;
    }
    mean.push(sum / n / 255);
    sd.push(Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) / 255);
  }
  return {mean, sd};
}
