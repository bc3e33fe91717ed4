import {formatValue} from '../tables/format.ts';
import type {Leaderboard} from '../tables/leaderboard.ts';
import {html, type Markup} from './escape.ts';

/** The paired comparisons of a leaderboard, to unfold; nothing where there is nothing to compare. */
export function comparisonTable({setting, comparisons}: Leaderboard): Markup | null {
  if (comparisons.length === 0) return null;
  const number = (value: number | null): string => (value === null ? '–' : formatValue(value, 'fraction'));
  const share = (p: number | null): string => (p === null ? '–' : String(Number(p.toPrecision(2))));
  return html`<details class="screen-only"><summary>Paired comparisons</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Paired comparisons, ${setting}">
<table><caption><span>Mean difference of ACC over the same seeds with its 95% bootstrap interval (BCa, or percentile where marked), exact two-sided sign-flip p, and that p corrected by Holm's method for the ${comparisons.length} ${comparisons.length === 1 ? 'comparison' : 'comparisons'} of this table.</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">Against</th><th scope="col" class="number">Seeds</th><th scope="col" class="number">Difference</th><th scope="col" class="number">95% interval</th><th scope="col" class="number">p</th><th scope="col" class="number">p (Holm)</th><th scope="col">Reading</th></tr></thead>
<tbody>${comparisons.map(
    ({first, second, n, difference, interval, p, adjusted, reading}) =>
      html`<tr><th scope="row"><bdi>${first}</bdi></th><td><bdi>${second}</bdi></td><td class="number">${n}</td><td class="number">${number(difference)}</td>
<td class="number">${interval ? `${number(interval.low)} to ${number(interval.high)}${interval.method === 'BCa' ? '' : ' (percentile)'}` : '–'}</td><td class="number">${share(p)}</td><td class="number">${share(adjusted)}</td><td class="wrap"><small>${reading}</small></td></tr>`,
  )}</tbody></table></div></details>`;
}
