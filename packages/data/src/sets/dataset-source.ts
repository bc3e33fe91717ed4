import type {Dataset} from '../dataset.ts';
import type {LoadContext} from '../source/context.ts';

/** What is known of a data set without loading it. */
export interface DatasetInfo {
  readonly kind: string;
  readonly licence: string;
  readonly cite: string;
  readonly url: string;
  /** [height, width, channels]. */
  readonly imageShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly examples: {readonly train: number; readonly test: number};
  /** The files that the cache keeps of it; empty for generated images. */
  readonly files: readonly {readonly name: string; readonly sizeBytes: number; readonly sha256: string}[];
  /** Where it is looked for, in order and in words. */
  readonly lookedFor: readonly string[];
  readonly notes: readonly string[];
}

/** What the cache holds of a data set. Lengths only: contents are verified when it is loaded. */
export interface CacheState {
  /** True where every file is there with the right length, or none is needed. */
  readonly present: boolean;
  /** Of its files in the cache. */
  readonly sizeBytes: number;
  /** The folder of its files; undefined for generated images. */
  readonly folder?: string;
  /** Where the cached files came from, as far as that was noted. */
  readonly origin?: string;
}

/** A data set that can be loaded. */
export interface DatasetSource {
  readonly kind: string;
  info(context?: LoadContext): DatasetInfo;
  cached(context?: LoadContext): Promise<CacheState>;
  /**
   * The data set, whole in memory and owned by the caller.
   *
   * @throws HarnessError E_DATA where no source answers: each of them, why it failed, and what to do.
   */
  load(context?: LoadContext): Promise<Dataset>;
}
