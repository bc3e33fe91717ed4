import {createHash} from 'node:crypto';
import type {Split} from './dataset.ts';

/** SHA-256 over train images, train labels, test images and test labels, in this order: 64 hexadecimal digits. */
export function datasetHash(train: Split, test: Split): string {
  const hash = createHash('sha256');
  for (const split of [train, test]) hash.update(split.images).update(split.labels);
  return hash.digest('hex');
}
