/** One split of a data set: images as bytes and labels, in host memory. */
export interface Split {
  /** Bytes of all images, row-major [examples, height, width, channels]. */
  readonly images: Uint8Array;
  /** Class of each image, 0-based. */
  readonly labels: Uint8Array;
  readonly examples: number;
}

/** An image classification data set, whole in host memory. */
export interface Dataset {
  readonly name: string;
  /** [height, width, channels]. */
  readonly imageShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly train: Split;
  readonly test: Split;
  /** SHA-256 over images and labels of both splits, whatever the source they came from. */
  readonly contentHash: string;
  /** Where it came from, in words: "cache", "system folder ...", "generated". */
  readonly origin: string;
  /** Things a reader of results must know, such as a fallback to procedural images. */
  readonly notes: readonly string[];
}
