import {define, HarnessError} from '@accrete/kit';
import * as z from 'zod';
import {datasetHash} from '../content-hash.ts';
import {generateExamples} from '../procedural/examples.ts';
import type {DatasetInfo, DatasetSource} from './dataset-source.ts';

const cite = 'in the spirit of Dziadzio et al. 2023, Infinite dSprites for disentangled continual learning';
const url = 'https://arxiv.org/abs/2312.16731';

const options = {
  classes: z.int().min(2).max(256).default(10).describe('number of shape classes'),
  trainPerClass: z.int().min(1).default(1000).describe('training images of each class'),
  testPerClass: z.int().min(1).default(200).describe('test images of each class'),
  size: z.int().min(8).max(256).default(28).describe('height and width in pixels'),
  seed: z.int().min(0).default(0).describe('of shapes and factors; independent of the seed of a run'),
  rotation: z.number().min(0).max(0.5).default(0.05).describe('largest rotation either way, in turns'),
  smallestScale: z.number().gt(0).max(1).default(0.6).describe('1 is the largest that fits'),
  shift: z.number().min(0).max(0.4).default(0.1).describe('largest shift along x and y, as a part of the canvas'),
};

/** Every option of the procedural images. */
export type ProceduralOptions = z.output<z.ZodObject<typeof options>>;

/** One data set may not take more memory than this. */
const LARGEST_BYTES = 2 ** 31;

/**
 * Generated images as a data set source. It needs no file and no network.
 *
 * @param given any of the options; what is left out takes its default.
 * @throws HarnessError E_CONFIG for an option out of range, or more than 2 GiB of images.
 */
export function proceduralSource(given: Partial<ProceduralOptions> = {}): DatasetSource {
  const parsed = z.strictObject(options).safeParse(given);
  if (!parsed.success) {
    throw new HarnessError(
      'E_CONFIG',
      `invalid procedural images.\n${z.prettifyError(parsed.error)}`,
      {},
      parsed.error,
    );
  }
  const {classes, trainPerClass, testPerClass, size, seed, ...ranges} = parsed.data;
  const sizeBytes = classes * (trainPerClass + testPerClass) * size * size;
  if (sizeBytes > LARGEST_BYTES) {
    throw new HarnessError(
      'E_CONFIG',
      `procedural images take at most ${LARGEST_BYTES} bytes, got ${sizeBytes}: ${classes} classes x ` +
        `(${trainPerClass} + ${testPerClass}) images x ${size} x ${size}. Ask for fewer or smaller images.`,
    );
  }
  const info: DatasetInfo = {
    kind: 'procedural',
    licence: 'none: generated here',
    cite,
    url,
    imageShape: [size, size, 1],
    classes: Array.from({length: classes}, (_, k) => `shape ${k}`),
    examples: {train: classes * trainPerClass, test: classes * testPerClass},
    files: [],
    lookedFor: [],
    notes: [],
  };
  return {
    kind: info.kind,
    info: () => info,
    cached: async () => ({present: true, sizeBytes: 0}),
    load: async ({signal} = {}) => {
      signal?.throwIfAborted();
      const request = {seed, size, classes: info.classes.map((_, k) => k), ...ranges};
      const train = generateExamples({...request, split: 'train', perClass: trainPerClass});
      const test = generateExamples({...request, split: 'test', perClass: testPerClass});
      return {
        name: info.kind,
        imageShape: info.imageShape,
        classes: info.classes,
        train,
        test,
        contentHash: datasetHash(train, test),
        origin: 'generated',
        notes: info.notes,
      };
    },
  };
}

/** Generated grey images of random closed shapes: as many classes and examples as one asks for, no download. */
export const procedural = define({
  kind: 'procedural',
  options,
  summary: 'generated grey images of random closed shapes; as many classes and examples as asked for, no download',
  source: {cite, url, deviations: ['grey, not coloured', 'contours and factor ranges of our own']},
  create: (given): DatasetSource => proceduralSource(given),
});
