import {type SeedStream, seedStream} from '@accrete/kit';
import type {Split} from '../dataset.ts';
import {type Contour, shapeContour} from './contour.ts';
import {rasteriser} from './rasterise.ts';
import {turn} from './turn.ts';

/** How far the factors of variation reach. */
export interface FactorRanges {
  /** Largest rotation either way, in turns: 0 for none, 0.5 for every direction. */
  readonly rotation: number;
  /** Smallest scale; the largest is 1, at which a shape just fits wherever it is moved. */
  readonly smallestScale: number;
  /** Largest shift of the centre along x and y, as a part of the canvas, below 0.5. */
  readonly shift: number;
}

/** What was drawn for one example. */
export interface Factors {
  /** In turns. */
  readonly rotation: number;
  readonly scale: number;
  /** Centre, as parts of the canvas. */
  readonly x: number;
  readonly y: number;
}

/** Which examples to generate. */
export interface ExampleRequest extends FactorRanges {
  readonly seed: number;
  /** The classes, by index; any integers >= 0. At most 256. */
  readonly classes: readonly number[];
  /** Of each class. */
  readonly perClass: number;
  /** Splits of different names share no draw. */
  readonly split: string;
  /** Height and width in pixels. */
  readonly size: number;
}

/** The factors of example `index` of a class, whatever else is generated. */
export function exampleFactors(
  request: Pick<ExampleRequest, 'seed' | 'split' | keyof FactorRanges>,
  classIndex: number,
  index: number,
): Factors {
  return drawFactors(seedStream(request.seed, 'procedural', 'class', classIndex, request.split, index), request);
}

function drawFactors(random: SeedStream, {rotation, smallestScale, shift}: FactorRanges): Factors {
  const around = (reach: number): number => reach * (2 * random.uniform() - 1);
  return {
    rotation: around(rotation),
    scale: smallestScale + (1 - smallestScale) * random.uniform(),
    x: 0.5 + around(shift),
    y: 0.5 + around(shift),
  };
}

/**
 * Generate one split of grey images: white shapes on black, labelled by the position of their class in `classes`.
 *
 * Example e shows class e mod (number of classes), so every prefix is balanced. The same class and index give the same
 * bytes on every platform, however many classes and examples are asked for.
 *
 * @returns new arrays, [classes.length * perClass, size, size, 1], owned by the caller.
 */
export function generateExamples(request: ExampleRequest): Split {
  const {classes, perClass, size} = request;
  const contours = classes.map((index) => shapeContour(request.seed, index));
  const examples = classes.length * perClass;
  const images = new Uint8Array(examples * size * size);
  const labels = new Uint8Array(examples);
  const canvas = rasteriser(size);
  const largest = size * (0.5 - request.shift);
  for (let e = 0; e < examples; e++) {
    const label = e % classes.length;
    const factors = exampleFactors(request, classes[label]!, Math.floor(e / classes.length));
    labels[e] = label;
    canvas.fill(
      placed(contours[label]!, factors, size, largest),
      images.subarray(e * size * size, (e + 1) * size * size),
    );
  }
  return {images, labels, examples};
}

function placed(contour: Contour, {rotation, scale, x, y}: Factors, size: number, largest: number): Float64Array {
  const [cos, sin] = turn(rotation);
  const radius = scale * largest;
  const corners = new Float64Array(contour.length);
  // Within the canvas by construction, but for rounding in the last bit.
  const within = (v: number): number => Math.min(size, Math.max(0, v));
  for (let i = 0; i < contour.length; i += 2) {
    const u = contour[i]!;
    const v = contour[i + 1]!;
    corners[i] = within(x * size + radius * (cos * u - sin * v));
    corners[i + 1] = within(y * size + radius * (sin * u + cos * v));
  }
  return corners;
}
