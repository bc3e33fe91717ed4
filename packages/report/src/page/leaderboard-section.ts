import {strategyScale} from '../charts/palette.ts';
import {averageAccuracy} from '../metrics/average-accuracy.ts';
import {metrics} from '../metrics/metrics.ts';
import type {Report} from '../report.ts';
import {displayText} from '../runs/display-text.ts';
import type {Setting} from '../runs/groups.ts';
import {formatMeanSd, formatValue} from '../tables/format.ts';
import type {Leaderboard, LeaderboardEntry} from '../tables/leaderboard.ts';
import type {SummaryRow} from '../tables/summary.ts';
import {classTable} from './class-table.ts';
import {comparisonTable} from './comparison-table.ts';
import {html, type Markup} from './escape.ts';

// After ACC and its number of seeds, which every leaderboard has.
const shown = [
  'forgetting-earlier-peak',
  'bwt',
  'learning-acc',
  'task-inference-acc',
  'parameters',
  'bytes',
  'training-time',
] as const;

/**
 * One leaderboard table per setting, with the verdict below it, and all other metrics in a table to unfold.
 *
 * @param linked true where the page has a page for each strategy.
 */
export function leaderboardSection(report: Report, linked: boolean): Markup {
  const {range} = strategyScale(report.arrangement.strategies);
  const look = (strategy: string): Look => {
    const index = report.arrangement.strategies.indexOf(strategy);
    return {colour: range[index]!, page: linked ? `#strategy/${index}` : null};
  };
  return html`<section id="leaderboard" aria-labelledby="leaderboard-title">
<h2 id="leaderboard-title">Leaderboard</h2>
${filter(report)}
${report.leaderboards.map((board, i) => leaderboard(board, report.arrangement.settings[i], look))}
</section>`;
}

// The page's script shows it: without scripts there is nothing to filter with.
function filter({arrangement}: Report): Markup | null {
  if (arrangement.strategies.length < 2) return null;
  return html`<p id="strategy-filter" class="filter screen-only" hidden><label for="filter-text">Filter strategies</label> <input id="filter-text" type="search" autocomplete="off"> <span role="status" class="muted"></span></p>`;
}

/** How a strategy is shown: its colour, and where its page is. */
interface Look {
  readonly colour: string;
  readonly page: string | null;
}

function leaderboard(board: Leaderboard, setting: Setting | undefined, look: (strategy: string) => Look): Markup {
  const columns = shown
    .map((name) => metrics.find((metric) => metric.name === name)!)
    .filter(({name}) => board.entries.some((entry) => entry.summaries.get(name)?.mean != null));
  return html`<div class="card">
<h3><bdi>${board.setting}</bdi></h3>
<div class="scroll" tabindex="0" role="region" aria-label="Leaderboard, ${board.setting}">
<table class="leaderboard sortable">
<caption><span>Mean ± sample sd over the seeds with a finite value, sorted by ACC.<span class="strip"> Each dot is a seed, on a line from 0 to 1.</span></span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col" class="strip screen-only">ACC by seed</th>
${heading(averageAccuracy)}<th scope="col" class="number" title="Mean rank by ACC over seeds, 1 for the highest.">Mean rank</th><th scope="col" class="number">Seeds finite</th>${columns.map(heading)}</tr></thead>
<tbody>
${board.entries.map((entry) =>
  row(
    entry,
    columns.map(({name}) => name),
    look(entry.strategy),
  ),
)}
</tbody>
</table>
</div>
<p class="verdict"><bdi>${board.verdict}</bdi></p>
${comparisonTable(board)}
${setting ? classTable(setting) : null}
${allMetrics(board)}
</div>`;
}

function heading({label, summary}: (typeof metrics)[number]): Markup {
  return html`<th scope="col" class="number" title="${summary}">${label}</th>`;
}

function row(entry: LeaderboardEntry, columns: readonly string[], {colour, page}: Look): Markup {
  const name = html`<bdi>${entry.strategy}</bdi>`;
  const acc = entry.summaries.get('acc');
  return html`<tr data-strategy="${entry.strategy}"${entry.best ? html` class="best"` : null}><th scope="row">${page ? html`<a href="${page}">${name}</a>` : name}</th>
<td class="strip screen-only">${strip(entry, colour)}</td>
${cell(acc, true)}<td class="number" data-sort="${entry.averageRank ?? ''}">${entry.averageRank === null ? '–' : entry.averageRank.toFixed(1)}</td><td class="number" data-sort="${acc?.finite ?? 0}">${acc?.finite ?? 0} of ${acc?.total ?? 0}</td>
${columns.map((name) => cell(entry.summaries.get(name), false))}</tr>`;
}

function cell(summary: SummaryRow | undefined, lead: boolean): Markup {
  const text = formatMeanSd(summary);
  const [centre, spread] = text.split(' ± ');
  const why = summary?.reason ? html` title="${displayText(summary.reason, 300)}"` : null;
  return html`<td class="number${lead ? ' lead-value' : ''}" data-sort="${summary?.mean ?? ''}"${why}>${centre}${spread ? html` <small>± ${spread}</small>` : null}</td>`;
}

/** Every seed as a dot on a line from 0 to 1, without any script. */
function strip({perSeed}: LeaderboardEntry, colour: string): Markup {
  const width = 80;
  const at = (value: number): string => (4 + value * (width - 8)).toFixed(1);
  const dots = perSeed.flatMap(({seed, value}) =>
    value === null
      ? []
      : [
          html`<circle cx="${at(value)}" cy="8" r="3.6" fill="${colour}"><title>seed ${seed}: ${formatValue(value, 'fraction')}</title></circle>`,
        ],
  );
  const label = perSeed.map(({value}) => (value === null ? 'none' : value.toFixed(3))).join(', ');
  return html`<svg width="${width}" height="16" viewBox="0 0 ${width} 16" role="img" aria-label="ACC by seed: ${label}"><line x1="4" x2="${width - 4}" y1="8" y2="8"/>${dots}</svg>`;
}

function allMetrics({setting, entries}: Leaderboard): Markup {
  const rows = entries.flatMap(({strategy, summaries}) =>
    metrics.map(({name, label, unit}) => {
      const summary = summaries.get(name);
      const range =
        summary?.min != null && summary.max != null
          ? `${formatValue(summary.min, unit)} to ${formatValue(summary.max, unit)}`
          : '–';
      return html`<tr data-strategy="${strategy}"><th scope="row"><bdi>${strategy}</bdi></th><td>${label}</td><td class="number">${formatMeanSd(summary)}</td>
<td class="number">${range}</td><td class="number">${summary?.finite ?? 0} of ${summary?.total ?? 0}</td><td class="wrap"><small>${displayText(summary?.reason ?? '', 300)}</small></td></tr>`;
    }),
  );
  return html`<details class="screen-only"><summary>Every metric</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Every metric, ${setting}">
<table><caption><span>Mean ± sample sd, range, and how many seeds have a finite value. Formulas are under <a href="#metrics">Metrics</a>.</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">Metric</th><th scope="col" class="number">Mean ± sd</th><th scope="col" class="number">Range</th><th scope="col" class="number">Seeds finite</th><th scope="col">Why seeds are missing</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}
