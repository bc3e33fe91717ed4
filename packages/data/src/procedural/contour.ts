import {seedStream} from '@accrete/kit';
import {turn} from './turn.ts';

/** A closed contour: corners of a fine polygon, as x, y, x, y, ...; centred on its centroid, largest radius 1. */
export type Contour = Float64Array;

const FEWEST_KNOTS = 5;
const MOST_KNOTS = 10;
const CORNERS_PER_KNOT = 6;

/**
 * The shape of one class: a closed Catmull-Rom spline through random knots around a centre.
 *
 *   knots: n = 5 ... 10;   knot j at (j + 0.7 u) / n turns, u in [-1/2, 1/2), at a radius in [0.25, 1)
 *
 * What is drawn depends on `seed` and `classIndex` alone, so class k is the same however many classes there are, and
 * there are as many as one asks for.
 *
 * @param classIndex an integer >= 0.
 * @returns a new array of 60 to 120 numbers.
 *
 * Source: in the spirit of Dziadzio et al. 2023, Infinite dSprites, https://arxiv.org/abs/2312.16731. Deviations: knots in
 * order around the centre, so that contours seldom cross themselves; grey instead of coloured; the sampling is our own.
 */
export function shapeContour(seed: number, classIndex: number): Contour {
  const random = seedStream(seed, 'procedural', 'class', classIndex, 'contour');
  const knots = FEWEST_KNOTS + random.integer(MOST_KNOTS - FEWEST_KNOTS + 1);
  const x: number[] = [];
  const y: number[] = [];
  for (let j = 0; j < knots; j++) {
    const [cos, sin] = turn((j + 0.7 * (random.uniform() - 0.5)) / knots);
    const radius = 0.25 + 0.75 * random.uniform();
    x.push(radius * cos);
    y.push(radius * sin);
  }
  const contour = new Float64Array(2 * knots * CORNERS_PER_KNOT);
  for (let j = 0; j < knots; j++) {
    for (let c = 0; c < CORNERS_PER_KNOT; c++) {
      const at = 2 * (j * CORNERS_PER_KNOT + c);
      contour[at] = spline(x, j, c / CORNERS_PER_KNOT);
      contour[at + 1] = spline(y, j, c / CORNERS_PER_KNOT);
    }
  }
  return normalised(contour);
}

/** Uniform Catmull-Rom between knots j and j + 1 of a closed row, at t in [0, 1). */
function spline(knots: readonly number[], j: number, t: number): number {
  const n = knots.length;
  const before = knots[(j + n - 1) % n]!;
  const from = knots[j]!;
  const to = knots[(j + 1) % n]!;
  const after = knots[(j + 2) % n]!;
  const linear = to - before;
  const square = 2 * before - 5 * from + 4 * to - after;
  const cube = 3 * from - before - 3 * to + after;
  return from + 0.5 * t * (linear + t * (square + t * cube));
}

/** Centre a polygon on the centroid of its area, then scale it to a largest radius of 1. In place. */
function normalised(contour: Contour): Contour {
  let twiceArea = 0;
  let mx = 0;
  let my = 0;
  for (let i = 0; i < contour.length; i += 2) {
    const k = (i + 2) % contour.length;
    const [x0, y0, x1, y1] = [contour[i]!, contour[i + 1]!, contour[k]!, contour[k + 1]!];
    const cross = x0 * y1 - x1 * y0;
    twiceArea += cross;
    mx += (x0 + x1) * cross;
    my += (y0 + y1) * cross;
  }
  const cx = mx / (3 * twiceArea);
  const cy = my / (3 * twiceArea);
  let largest = 0;
  for (let i = 0; i < contour.length; i += 2) {
    contour[i]! -= cx;
    contour[i + 1]! -= cy;
    largest = Math.max(largest, contour[i]! * contour[i]! + contour[i + 1]! * contour[i + 1]!);
  }
  const radius = Math.sqrt(largest);
  return contour.map((v) => v / radius);
}
