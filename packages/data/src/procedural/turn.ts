/**
 * Cosine and sine of a part of a full turn, by Taylor series after reduction to an eighth of a turn; error below 1e-14.
 *
 * `Math.cos` and `Math.sin` may differ in the last bit between JavaScript engines, and a data set must not. Only sums and
 * products are used here, which IEEE 754 fixes to the bit.
 */
export function turn(fraction: number): readonly [cos: number, sin: number] {
  const quarters = fraction * 4;
  const nearest = Math.floor(quarters + 0.5);
  const x = ((quarters - nearest) * Math.PI) / 2;
  const s = x * x;
  const sin = x * (1 - (s / 6) * (1 - (s / 20) * (1 - (s / 42) * (1 - (s / 72) * (1 - (s / 110) * (1 - s / 156))))));
  const cos =
    1 - (s / 2) * (1 - (s / 12) * (1 - (s / 30) * (1 - (s / 56) * (1 - (s / 90) * (1 - (s / 132) * (1 - s / 182))))));
  switch (((nearest % 4) + 4) % 4) {
    case 0:
      return [cos, sin];
    case 1:
      return [-sin, cos];
    case 2:
      return [-cos, -sin];
    default:
      return [sin, -cos];
  }
}
