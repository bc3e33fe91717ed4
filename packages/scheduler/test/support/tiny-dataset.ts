import {type Dataset, datasetHash, type Split} from '@accrete/data';
import {seedStream} from '@accrete/kit';

/** How large a made-up data set is. */
export interface TinySize {
  readonly classes?: number;
  readonly train?: number;
  readonly test?: number;
  readonly size?: number;
  /** Share of noise in every pixel. */
  readonly noise?: number;
}

/** Images of random noise about one random picture per class, in memory: learnable in a few steps. */
export function tinyDataset({classes = 10, train = 30, test = 20, size = 6, noise = 0.5}: TinySize = {}): Dataset {
  const seeds = seedStream(7, 'tiny');
  const pixels = size * size;
  const pictures = Array.from({length: classes}, (_, label) => {
    const own = seeds.fork('picture', label);
    return Float64Array.from({length: pixels}, () => own.uniform());
  });
  const split = (name: string, perClass: number): Split => {
    const own = seeds.fork(name);
    const examples = classes * perClass;
    const labels = Uint8Array.from({length: examples}, (_, i) => i % classes);
    const images = Uint8Array.from({length: examples * pixels}, (_, i) => {
      const picture = pictures[labels[Math.floor(i / pixels)]!]!;
      return Math.round(255 * ((1 - noise) * picture[i % pixels]! + noise * own.uniform()));
    });
    return {images, labels, examples};
  };
  const [trained, tested] = [split('train', train), split('test', test)];
  return {
    name: 'tiny',
    imageShape: [size, size, 1],
    classes: Array.from({length: classes}, (_, label) => `class ${label}`),
    train: trained,
    test: tested,
    contentHash: datasetHash(trained, tested),
    origin: 'made up',
    notes: [],
  };
}
