import type {ArrayFamily} from './array-family.ts';

/** Which entries of a task vector are its largest: those above the limit, and the first `ties` at it. */
export interface SizeLimit {
  readonly limit: number;
  readonly ties: number;
}

/**
 * The size that separates the largest `round(density n)` entries of theta_t - theta_0 (at least one) from the others, for every
 * network t.
 *
 * The bits of a float32 above 0 order as whole numbers do, so two counts of 2^16 bins, of the upper bits and then of the lower ones
 * in the bin where the limit lies, find it exactly, without a copy of the vector.
 */
export function sizeLimits(arrays: ArrayFamily, density: number): readonly SizeLimit[] {
  const n = arrays.names.reduce((sum, name) => sum + arrays.size(name), 0);
  const wanted = Math.max(1, Math.min(n, Math.round(density * n)));
  const all = Array.from({length: arrays.networks}, (_, network) => ({network, counts: new Uint32Array(BINS)}));
  for (const name of arrays.names) {
    const start = arrays.base(name);
    for (const {network, counts} of all) countUpper(start, arrays.of(network, name), counts);
  }
  const upper = all.map(({counts}) => fromTop(counts, wanted));
  for (const {counts} of all) counts.fill(0);
  for (const name of arrays.names) {
    const start = arrays.base(name);
    for (const {network, counts} of all) countLower(start, arrays.of(network, name), upper[network]!.bin, counts);
  }
  return all.map(({network, counts}) => {
    const {bin, above} = upper[network]!;
    const lower = fromTop(counts, wanted - above);
    bits[0] = (bin << 16) | lower.bin;
    return {limit: float[0]!, ties: wanted - above - lower.above};
  });
}

const BINS = 0x10000;
// One number seen as a float and as its bits.
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function countUpper(start: Float32Array, own: Float32Array, counts: Uint32Array): void {
  for (let i = 0; i < start.length; i++) {
    float[0] = Math.abs(own[i]! - start[i]!);
    const bin = bits[0]! >>> 16;
    counts[bin] = counts[bin]! + 1;
  }
}

function countLower(start: Float32Array, own: Float32Array, upper: number, counts: Uint32Array): void {
  for (let i = 0; i < start.length; i++) {
    float[0] = Math.abs(own[i]! - start[i]!);
    if (bits[0]! >>> 16 !== upper) continue;
    const bin = bits[0]! & 0xffff;
    counts[bin] = counts[bin]! + 1;
  }
}

/** The bin in which the `wanted`-th largest lies, and how many lie above it. */
function fromTop(counts: Uint32Array, wanted: number): {readonly bin: number; readonly above: number} {
  let above = 0;
  for (let bin = counts.length - 1; bin > 0; bin--) {
    if (above + counts[bin]! >= wanted) return {bin, above};
    above += counts[bin]!;
  }
  return {bin: 0, above};
}
