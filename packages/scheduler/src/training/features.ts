import type {Row} from '../streams/stream.ts';
import {type AlongPathRequest, alongPath} from './along-path.ts';

/** What reaches the head for examples along a path, scaled to length 1: one array per row, [units]. */
export async function unitFeatures(request: AlongPathRequest, rows: readonly Row[]): Promise<readonly Float32Array[]> {
  if (rows.length === 0) return [];
  const {features} = await alongPath(request, rows, {
    name: 'features',
    key: null,
    read: ({features: reaching}) => ({features: reaching}),
  });
  const {width, data} = features!;
  return rows.map((_, i) => scaled(data.slice(i * width, (i + 1) * width)));
}

/** A vector scaled to length 1; 0 stays 0. */
export function scaled(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? vector.map((value) => value / length) : vector;
}
