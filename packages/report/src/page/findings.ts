import type {Report} from '../report.ts';
import {formatMeanSd, formatValue} from '../tables/format.ts';
import type {Leaderboard, LeaderboardEntry} from '../tables/leaderboard.ts';
import {html, type Markup} from './escape.ts';

/** More settings than this are left to their leaderboards. */
const MOST_SETTINGS = 6;

/** What came out, before all tables: per setting who leads, by how much, how sure that is, and what it cost. */
export function findings({leaderboards}: Report): Markup | null {
  const lines = leaderboards.slice(0, MOST_SETTINGS).flatMap((board) => {
    const line = finding(board);
    return line ? [html`<div><dt><bdi>${board.setting}</bdi></dt><dd>${line}</dd></div>`] : [];
  });
  if (lines.length === 0) return null;
  const left = leaderboards.length - MOST_SETTINGS;
  return html`<section class="card" aria-labelledby="findings-title"><h2 id="findings-title">In short</h2>
<dl class="findings">${lines}</dl>
${left > 0 ? html`<p class="muted">${left} more settings have a leaderboard below.</p>` : null}</section>`;
}

function finding({entries, comparisons, verdict}: Leaderboard): Markup | null {
  const [first, second] = entries.filter(({summaries}) => summaries.get('acc')?.mean != null);
  if (!first) return null;
  const lead = html`<strong><bdi>${first.strategy}</bdi>: ACC ${formatMeanSd(first.summaries.get('acc'))}</strong>`;
  if (!second) return lead;
  const pair = comparisons.find((one) => one.first === first.strategy && one.second === second.strategy);
  const gap = pair?.difference ?? meanOf(first, 'acc') - meanOf(second, 'acc');
  const interval = pair?.interval
    ? ` (95% interval ${formatValue(pair.interval.low, 'fraction')} to ${formatValue(pair.interval.high, 'fraction')})`
    : '';
  const sure = first.best ? 'told apart from every other' : certainty(verdict);
  return html`${lead}, ${formatValue(gap, 'fraction')} above <bdi>${second.strategy}</bdi>${interval}: ${sure}.<small>${prices(first, second)}</small>`;
}

// The verdict below the leaderboard has the numbers.
function certainty(verdict: string): string {
  if (verdict.includes('not resolvable')) return 'too few seeds to tell them apart';
  return verdict.includes('not told apart') ? 'not told apart' : 'not tested';
}

/** What the first costs, and the second. */
function prices(first: LeaderboardEntry, second: LeaderboardEntry): string {
  const parts = (['training-time', 'parameters', 'bytes'] as const).flatMap((name) => {
    const [a, b] = [first.summaries.get(name), second.summaries.get(name)];
    if (a?.mean == null || b?.mean == null) return [];
    const label = {'training-time': 'training', parameters: 'parameters', bytes: 'stored'}[name];
    return [`${label} ${formatValue(a.mean, a.unit)} against ${formatValue(b.mean, b.unit)}`];
  });
  return parts.length === 0 ? '' : `Cost: ${parts.join(', ')}.`;
}

function meanOf({summaries}: LeaderboardEntry, metric: string): number {
  return summaries.get(metric)?.mean ?? Number.NaN;
}
