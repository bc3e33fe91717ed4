import type {Dataset} from '@accrete/data';
import {datasets} from '@accrete/data';
import {define, HarnessError, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {divide, type Scenario, type Stream, type StreamSource, type Task, type Transform} from './stream.ts';

const shared = {
  dataset: datasets.schema.describe('the data set'),
  validationFraction: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe('share of the training images held out for validation'),
};

/** The same classes in every task, under a transformation of the images that differs from task to task. */
function transformed(
  name: string,
  dataset: Dataset,
  scenario: Scenario,
  seeds: SeedStream,
  validationFraction: number,
  transforms: readonly {readonly name: string; readonly transform: Transform | null}[],
): Stream {
  checkShared(name, scenario);
  const classes = dataset.classes.map((_, label) => label);
  const examples = divide(dataset, classes, validationFraction, seeds);
  const tasks = transforms.map(
    (t, index): Task => ({
      index,
      name: t.name,
      classes,
      examples,
      targetOf: Int32Array.from(classes),
      transform: t.transform,
    }),
  );
  return {name, scenario, dataset, tasks, classes, features: dataset.imageShape.reduce((a, b) => a * b, 1)};
}

function checkShared(name: string, scenario: Scenario): void {
  if (scenario !== 'class-incremental') return;
  throw new HarnessError(
    'E_COMBINATION',
    `${name}: class-incremental needs tasks with different classes, and here all tasks share theirs. Use domain-incremental, or split-classes.`,
  );
}

/**
 * Permuted pixels: every task shuffles the pixels of all images by an order of its own. Channels move with their pixel.
 */
export const permuted = define({
  kind: 'permuted',
  summary: 'All classes in every task; the pixels in another order each time.',
  source: {cite: 'Goodfellow et al. 2014; Kirkpatrick et al. 2017', url: 'https://doi.org/10.1073/pnas.1611835114'},
  options: {
    ...shared,
    tasks: z.int().min(1).default(10).describe('number of tasks'),
    first: z.enum(['as-is', 'permuted']).default('as-is').describe('whether the first task is permuted, too'),
  },
  create: (options): StreamSource => ({
    dataset: options.dataset,
    check: ({name}, scenario) => checkShared(`permuted ${name}`, scenario),
    build: (dataset, scenario, seeds) => {
      const [height, width, channels] = dataset.imageShape;
      const transforms = Array.from({length: options.tasks}, (_, index) => {
        if (index === 0 && options.first === 'as-is') return {name: 'as is', transform: null};
        const order = seeds.fork('permutation', index).permutation(height * width);
        return {name: `permutation ${index}`, transform: permutation(order, channels)};
      });
      const name = `permuted ${dataset.name}, ${options.tasks} tasks`;
      return transformed(name, dataset, scenario, seeds, options.validationFraction, transforms);
    },
  }),
});

/** Rotated images: task t turns all images counter-clockwise by t equal parts of a range, with bilinear interpolation. */
export const rotated = define({
  kind: 'rotated',
  summary: 'All classes in every task; the images turned further each time.',
  source: {
    cite: 'Lopez-Paz and Ranzato 2017',
    url: 'https://arxiv.org/abs/1706.08840',
    deviations: ['equal steps, not random angles'],
  },
  options: {
    ...shared,
    tasks: z.int().min(1).default(10).describe('number of tasks'),
    degrees: z
      .number()
      .min(0)
      .max(360)
      .default(180)
      .describe('range of angles; task t is turned by degrees * t / tasks'),
  },
  create: (options): StreamSource => ({
    dataset: options.dataset,
    check: ({name}, scenario) => checkShared(`rotated ${name}`, scenario),
    build: (dataset, scenario, seeds) => {
      const transforms = Array.from({length: options.tasks}, (_, index) => {
        const angle = (options.degrees * index) / options.tasks;
        return {
          name: `${Number(angle.toFixed(1))}°`,
          transform: angle === 0 ? null : rotation(angle, dataset.imageShape),
        };
      });
      const name = `rotated ${dataset.name}, ${options.tasks} tasks`;
      return transformed(name, dataset, scenario, seeds, options.validationFraction, transforms);
    },
  }),
});

function permutation(order: Int32Array, channels: number): Transform {
  return (from, at, into, to) => {
    for (let pixel = 0; pixel < order.length; pixel++) {
      const source = at + order[pixel]! * channels;
      const target = to + pixel * channels;
      for (let c = 0; c < channels; c++) into[target + c] = from[source + c]!;
    }
  };
}

/**
 * Bilinear rotation about the image's middle, by tables of four neighbours and their weights in 1/256, which sum to at most
 * 256: bytes in, bytes out, the same on every machine but for the last bit of sine and cosine. What lies outside is 0.
 */
function rotation(degrees: number, [height, width, channels]: readonly [number, number, number]): Transform {
  const radians = (degrees * Math.PI) / 180;
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  const neighbours = new Int32Array(height * width * 4);
  const weights = new Int32Array(height * width * 4);
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sourceX = middleX + (x - middleX) * cos - (y - middleY) * sin;
      const sourceY = middleY + (x - middleX) * sin + (y - middleY) * cos;
      const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
      const [partX, partY] = [sourceX - left, sourceY - top];
      [
        [0, 0, (1 - partX) * (1 - partY)],
        [1, 0, partX * (1 - partY)],
        [0, 1, (1 - partX) * partY],
        [1, 1, partX * partY],
      ].forEach(([dx, dy, share], k) => {
        const [column, row] = [left + dx!, top + dy!];
        const inside = column >= 0 && column < width && row >= 0 && row < height;
        const slot = (y * width + x) * 4 + k;
        neighbours[slot] = inside ? (row * width + column) * channels : 0;
        weights[slot] = inside ? Math.round(share! * 256) : 0;
      });
    }
  }
  return (from, at, into, to) => {
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let c = 0; c < channels; c++) {
        let total = 128;
        for (let k = pixel * 4; k < pixel * 4 + 4; k++) total += from[at + neighbours[k]! + c]! * weights[k]!;
        into[to + pixel * channels + c] = Math.min(255, total >> 8);
      }
    }
  };
}
