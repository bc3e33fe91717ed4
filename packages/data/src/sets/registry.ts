import {family} from '@accrete/kit';
import type {LoadContext} from '../source/context.ts';
import {cifar10, cifar100} from './cifar.ts';
import type {CacheState, DatasetSource} from './dataset-source.ts';
import {fashionMnist} from './fashion-mnist.ts';
import {kmnist} from './kmnist.ts';
import {mnist} from './mnist.ts';
import {mnist10k} from './mnist-10k.ts';
import {procedural} from './procedural.ts';

/** Every data set that a config may name. */
export const datasets = family<DatasetSource>()('dataset', [
  fashionMnist,
  mnist,
  kmnist,
  cifar10,
  cifar100,
  mnist10k,
  procedural,
]);

/** One line of `listDatasets`. */
export interface DatasetListing extends CacheState {
  readonly kind: string;
  readonly summary: string;
  /** True for images that are made on the spot. */
  readonly generated: boolean;
}

/** Every registered data set, and what the cache holds of it. Nothing is loaded, fetched or verified. */
export async function listDatasets(context: LoadContext = {}): Promise<readonly DatasetListing[]> {
  return await Promise.all(
    datasets.kinds.map(async (kind) => {
      const source = datasets.parse({kind});
      const state = await source.cached(context);
      return {
        kind,
        summary: datasets.describe(kind).summary,
        generated: source.info(context).files.length === 0,
        ...state,
      };
    }),
  );
}
