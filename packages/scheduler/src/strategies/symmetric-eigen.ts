/** Eigenvalues and eigenvectors of a symmetric matrix. */
export interface SymmetricEigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Of length 1, in the order of the values. */
  readonly vectors: readonly Float64Array[];
}

const ITERATIONS = 60;

/**
 * The eigenvalues and eigenvectors of a symmetric matrix: Householder reflections make it tridiagonal, implicit QL steps diagonal.
 * O(n^3), meant for sides up to a thousand.
 *
 * @param matrix row-major [n, n]; what is above the diagonal is not read.
 *
 * Source: Golub and Van Loan, Matrix Computations, sections 8.3 and 8.4; Wilkinson and Reinsch 1971.
 */
export function symmetricEigen(matrix: ArrayLike<number>, n: number): SymmetricEigen {
  const rows = Array.from({length: n}, (_, i) =>
    Float64Array.from({length: n}, (__, j) => matrix[i >= j ? i * n + j : j * n + i]!),
  );
  const {diagonal, beside, basis} = tridiagonal(rows);
  diagonalise(diagonal, beside, basis);
  const order = [...diagonal.keys()].sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  return {values: Float64Array.from(order, (k) => diagonal[k]!), vectors: order.map((k) => basis[k]!)};
}

/** T = Q^T A Q: its diagonal, what stands beside it, and the columns of Q. */
function tridiagonal(a: readonly Float64Array[]) {
  const n = a.length;
  const basis = Array.from({length: n}, (_, i) => Float64Array.from({length: n}, (__, j) => (i === j ? 1 : 0)));
  for (let k = 0; k < n - 2; k++) {
    // v reflects what stands below the diagonal of column k onto its first entry.
    const v = new Float64Array(n);
    let norm = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i]![k]!;
      norm += v[i]! * v[i]!;
    }
    norm = Math.sqrt(norm);
    if (norm === 0) continue;
    v[k + 1]! += v[k + 1]! >= 0 ? norm : -norm;
    const square = v.reduce((sum, value) => sum + value * value, 0);
    // A <- A - v w^T - w v^T with p = 2 A v / v.v, w = p - (p.v / v.v) v
    const p = a.map((row) => (2 * dot(row, v)) / square);
    const share = dot(p, v) / square;
    const w = v.map((value, i) => p[i]! - share * value);
    for (let i = k; i < n; i++) for (let j = k; j < n; j++) a[i]![j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
    reflect(basis, v, square);
  }
  return {
    diagonal: Float64Array.from(a, (row, i) => row[i]!),
    beside: Float64Array.from(a, (row, i) => (i + 1 < n ? row[i + 1]! : 0)),
    basis,
  };
}

/** Q <- Q (I - 2 v v^T / v.v), Q by its columns. */
function reflect(columns: readonly Float64Array[], v: Float64Array, square: number): void {
  const n = columns.length;
  const sum = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    const value = v[j]!;
    if (value === 0) continue;
    const column = columns[j]!;
    for (let i = 0; i < n; i++) sum[i]! += column[i]! * value;
  }
  for (let j = 0; j < n; j++) {
    const factor = (2 * v[j]!) / square;
    if (factor === 0) continue;
    const column = columns[j]!;
    for (let i = 0; i < n; i++) column[i]! -= factor * sum[i]!;
  }
}

/** Turns what stands beside the diagonal to 0 by implicit QL steps, and the columns of the basis with it. */
function diagonalise(d: Float64Array, e: Float64Array, basis: readonly Float64Array[]): void {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
      if (m === l) break;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      const root = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? root : -root));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        const q = d[i + 1]! - p;
        const t = (d[i]! - q) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = q + p;
        g = c * t - b;
        rotate(basis[i]!, basis[i + 1]!, c, s);
      }
      if (i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let k = 0; k < x.length; k++) {
    const [left, right] = [x[k]!, y[k]!];
    y[k] = s * left + c * right;
    x[k] = c * left - s * right;
  }
}

function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}
