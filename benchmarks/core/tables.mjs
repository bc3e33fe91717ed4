// Figures as text: means with their spread, paired tests, Markdown tables.
import {mean, sampleSd, signFlipTest} from '@accrete/report';

/** `mean ± sample sd` of the values that are there, times a factor; `-` where none is. */
export function shown(values, {factor = 1, digits = 2} = {}) {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return '-';
  const text = (value) => (factor * value).toFixed(digits);
  return there.length === 1 ? text(mean(there)) : `${text(mean(there))} ± ${text(sampleSd(there))}`;
}

/** a[i] - b[i] */
export function differences(a, b) {
  return a.map((value, i) => value - b[i]);
}

/**
 * In how many pairs a difference has the sign that was predicted, +, and the p of the exact sign-flip test against that one side:
 * `5 of 5, p 0.031`.
 */
export function predicted(found) {
  const {p, n} = signFlipTest(found);
  const oneSided = mean(found) > 0 ? `p ${(p / 2).toPrecision(2)}` : 'p > 0.5'; // Half of the two-sided p, by symmetry.
  return `${found.filter((d) => d > 0).length} of ${n}, ${oneSided}`;
}

/** The two-sided p of the exact sign-flip test. */
export function twoSided(found) {
  return signFlipTest(found).p.toPrecision(2);
}

/** A Markdown table; the first row is its head. */
export function markdown([head, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, c) => (c === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
