/** Draws filled polygons on a square canvas of its own size. Not to be used from two places at once: it keeps a buffer. */
export interface Rasteriser {
  /**
   * Fill a polygon, anti-aliased by the exact share of each pixel that it covers.
   *
   *   byte = floor(255 coverage + 1/2)
   *
   * @param corners x, y, x, y, ... in pixels, from 0 to the canvas size; x to the right, y down.
   * @param image the canvas, [size, size]: every byte of it is written.
   */
  fill(corners: Float64Array, image: Uint8Array): void;
}

/** A rasteriser for canvases of `size` x `size` pixels. */
export function rasteriser(size: number): Rasteriser {
  // One cell per pixel, and two more per row for what an edge on the right border adds.
  const stride = size + 2;
  const cells = new Float64Array(stride * size);

  /** Add the part of an edge that lies in one row: from xa to xb over a height of `rise` (negative: upwards). */
  const addRow = (row: number, xa: number, xb: number, rise: number): void => {
    const left = Math.min(xa, xb);
    const right = Math.max(xa, xb);
    const first = Math.floor(left);
    const last = Math.floor(right);
    const at = row * stride;
    for (let column = first; column <= last; column++) {
      const from = Math.max(left, column);
      const to = Math.min(right, column + 1);
      const share = right > left ? rise * ((to - from) / (right - left)) : rise;
      // Everything to the right of the edge is covered; of its own pixel, the part right of the edge's middle.
      const inside = (from + to) / 2 - column;
      cells[at + column]! += share * (1 - inside);
      cells[at + column + 1]! += share * inside;
    }
  };

  const addEdge = (x0: number, y0: number, x1: number, y1: number): void => {
    if (y0 === y1) return;
    const down = y0 < y1;
    const [topX, topY, bottomX, bottomY] = down ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
    const slope = (bottomX - topX) / (bottomY - topY);
    const rows = Math.min(size, Math.ceil(bottomY));
    for (let row = Math.floor(topY); row < rows; row++) {
      const from = Math.max(topY, row);
      const to = Math.min(bottomY, row + 1);
      const xa = topX + slope * (from - topY);
      // The end is taken as given: computed, rounding could carry it over the border.
      const xb = to === bottomY ? bottomX : topX + slope * (to - topY);
      addRow(row, xa, xb, down ? to - from : from - to);
    }
  };

  return {
    fill(corners, image) {
      cells.fill(0);
      const n = corners.length;
      for (let i = 0; i < n; i += 2) {
        const k = i + 2 === n ? 0 : i + 2;
        addEdge(corners[i]!, corners[i + 1]!, corners[k]!, corners[k + 1]!);
      }
      for (let row = 0; row < size; row++) {
        let covered = 0;
        for (let column = 0; column < size; column++) {
          covered += cells[row * stride + column]!;
          image[row * size + column] = Math.floor(255 * Math.min(1, Math.abs(covered)) + 0.5);
        }
      }
    },
  };
}
