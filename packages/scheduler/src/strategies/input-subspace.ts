import {symmetricEigen} from './symmetric-eigen.ts';

/** Second moments of inputs, E[x x^T], row-major [width, width]. */
export function secondMoments({width, data}: {readonly width: number; readonly data: Float32Array}): Float64Array {
  const rows = data.length / width;
  const moments = new Float64Array(width * width);
  for (let n = 0; n < rows; n++) {
    const x = data.subarray(n * width, (n + 1) * width);
    for (let i = 0; i < width; i++) {
      const value = x[i]! / rows;
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) moments[i * width + j]! += value * x[j]!;
    }
  }
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) moments[j * width + i] = moments[i * width + j]!;
  return moments;
}

/**
 * The leading left singular vectors of C - M M^T C: where inputs with second moments C spread most outside of a subspace.
 *
 * @param basis of the subspace, orthonormal. @returns `rank` vectors, orthonormal and at right angles to the basis.
 */
export function leadingOutside(
  moments: Float64Array,
  width: number,
  basis: readonly Float64Array[],
  rank: number,
): readonly Float64Array[] {
  const left = outside(moments, width, basis);
  // Left singular vectors of K are eigenvectors of K K^T.
  const squared = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += left[i * width + k]! * left[j * width + k]!;
      squared[i * width + j] = sum;
    }
  }
  return symmetricEigen(squared, width).vectors.slice(0, rank);
}

/**
 * A subspace widened by the fewest directions that make it hold a share of what inputs with second moments C are:
 *
 *   tr(M^T C M) >= share * tr(C)
 *
 * Source: Liang and Li 2023 (DualGPM), https://arxiv.org/abs/2303.15171; Saha et al. 2021 (GPM), eq. 9.
 */
export function widened(
  basis: readonly Float64Array[],
  moments: Float64Array,
  width: number,
  share: number,
): readonly Float64Array[] {
  const total = trace(moments, width);
  // (I - P) C (I - P): outside of the subspace on either side.
  const once = outside(moments, width, basis);
  const twice = outside(transposed(once, width), width, basis);
  let held = total - trace(twice, width);
  const {values, vectors} = symmetricEigen(twice, width);
  const fresh: Float64Array[] = [];
  while (held < share * total && basis.length + fresh.length < width && values[fresh.length]! > 0) {
    held += values[fresh.length]!;
    fresh.push(vectors[fresh.length]!);
  }
  return [...basis, ...fresh];
}

/** C - M M^T C. */
function outside(moments: Float64Array, width: number, basis: readonly Float64Array[]): Float64Array {
  const left = moments.slice();
  for (const direction of basis) {
    const along = new Float64Array(width);
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) along[j]! += direction[i]! * moments[i * width + j]!;
    }
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) left[i * width + j]! -= direction[i]! * along[j]!;
    }
  }
  return left;
}

function trace(matrix: Float64Array, width: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += matrix[i * width + i]!;
  return sum;
}

function transposed(matrix: Float64Array, width: number): Float64Array {
  return matrix.map((_, at) => matrix[(at % width) * width + Math.floor(at / width)]!);
}
