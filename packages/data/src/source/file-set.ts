import type {Split} from '../dataset.ts';

/** A file as the cache keeps it: its name, exact length and SHA-256 as 64 hexadecimal digits. */
export interface StoredFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** File contents by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What a provider is given while it fetches. */
export interface FetchContext {
  /** The data set's own folder in the cache; partial downloads are kept there. */
  readonly folder: string;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** A place that files can be had from. It need not check them: whoever asked compares length and hash. */
export interface Provider {
  /** In words, for origins and errors: "system folder /usr/share/datasets/fashion-mnist". */
  readonly name: string;
  /** True where it needs a network; left out of an offline load. */
  readonly network: boolean;
  /**
   * Contents of at least the needed files.
   *
   * @throws anything, with a message that says why; it is recorded, and the next provider is tried.
   */
  fetch(needed: readonly StoredFile[], context: FetchContext): Promise<Files>;
}

/** What decoding gives: a data set without its provenance. */
export interface Decoded {
  readonly train: Split;
  readonly test: Split;
}

/** A data set that is made of files: which ones, where they may be had, and how they are read. */
export interface FileSet {
  readonly kind: string;
  readonly imageShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly examples: {readonly train: number; readonly test: number};
  readonly licence: string;
  readonly cite: string;
  readonly url: string;
  /** Things that every reader of results must know. */
  readonly notes: readonly string[];
  readonly files: readonly StoredFile[];
  /** In the order in which they are tried, after the cache. */
  readonly providers: readonly Provider[];
  /** @throws HarnessError E_DATA */
  decode(files: Files): Promise<Decoded>;
}
