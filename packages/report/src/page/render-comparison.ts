import type {Difference, ReportComparison, StrategyComparison} from '../compare/compare-reports.ts';
import type {Report} from '../report.ts';
import {displayText} from '../runs/display-text.ts';
import type {Group} from '../runs/groups.ts';
import {formatMeanSd, formatValue} from '../tables/format.ts';
import {grouped} from '../tables/grouped.ts';
import {htmlDocument} from './document.ts';
import {html, type Markup} from './escape.ts';

/** Two reports set against each other as one HTML file, without scripts. The same reports give the same page. */
export function renderComparison(comparison: ReportComparison): string {
  const {first, second, strategies} = comparison;
  return htmlDocument({
    title: `${first.title} against ${second.title}`,
    scripts: [],
    body: html`<header id="overview">
<p class="eyebrow">Accrete: two reports compared</p>
<h1><bdi>${first.title}</bdi> <span class="muted">against</span> <bdi>${second.title}</bdi></h1>
<p class="lead">${lead(comparison)}</p>
<dl class="facts card">${[factsOf('First', first), factsOf('Second', second)]}</dl>
</header>
<main>
<section id="accuracy" aria-labelledby="accuracy-title"><h2 id="accuracy-title">Accuracy</h2>
<p class="guide">ACC as mean ± sample sd over the seeds of each report. The difference is the second less the first over the seeds that both have, with its 95% bootstrap interval and the p of the exact two-sided sign-flip test, corrected by Holm's method over all lines of this page. Rings are seeds of the first report, dots those of the second, on a line from 0 to 1.</p>
${strategies.length === 0 ? html`<p class="card">The reports have no strategy in the same scenario, stream and data set in common.</p>` : [...grouped(strategies, ({setting}) => setting)].map(([setting, own]) => accuracyCard(setting, own))}
${unmatched(comparison)}
</section>
<section id="configs" aria-labelledby="configs-title"><h2 id="configs-title">Differences of the configs</h2>
<div class="card">${configDifferences(strategies)}</div>
</section>
<section id="environments" aria-labelledby="environments-title"><h2 id="environments-title">Differences of the environments</h2>
<div class="card">${comparison.environments.length === 0 ? none : differenceTable('Differences of the environments', comparison.environments)}</div>
</section>
<section id="metrics" aria-labelledby="metrics-title"><h2 id="metrics-title">Every metric</h2>
<div class="card screen-only">${strategies.map(metricTable)}</div>
</section>
</main>`,
  });
}

const none = html`<p class="muted">None.</p>`;

function lead({strategies}: ReportComparison): string {
  const same = strategies.filter((one) => one.same).length;
  const apart = strategies.filter(({acc}) => acc.reading === 'told apart').length;
  const alike =
    same === 0
      ? ''
      : ` ${same} of them ${same === 1 ? 'has' : 'have'} the same accuracy for every seed, to the last bit.`;
  return `${counted(strategies.length, 'leaderboard line', 'leaderboard lines')} in common; for ${apart === 0 ? 'none' : apart} of them the accuracies are told apart.${alike}`;
}

function factsOf(label: string, {title, runs, arrangement}: Report): Markup {
  const seeds = new Set(runs.map(({seed}) => seed)).size;
  const dates = [...new Set(runs.map(({started}) => started.slice(0, 10)))].sort();
  const commits = [...new Set(runs.map(({environment}) => environment.gitCommit?.slice(0, 10) ?? 'no commit'))];
  const when = dates.length > 1 ? `${dates[0]} to ${dates.at(-1)}` : (dates[0] ?? '');
  return html`<div><dt>${label}</dt><dd><bdi>${title}</bdi><small>${counted(runs.length, 'run', 'runs')}, ${counted(arrangement.strategies.length, 'strategy', 'strategies')}, ${counted(seeds, 'seed', 'seeds')}; ${displayText(when)} UTC; ${displayText(commits.join(', '), 80)}</small></dd></div>`;
}

function accuracyCard(setting: string, strategies: readonly StrategyComparison[]): Markup {
  return html`<div class="card"><h3><bdi>${setting}</bdi></h3>
<div class="scroll" tabindex="0" role="region" aria-label="Accuracy, ${setting}">
<table class="leaderboard">
<thead><tr><th scope="col">Strategy</th><th scope="col" class="strip screen-only">Seeds of both</th><th scope="col" class="number">First</th><th scope="col" class="number">Second</th><th scope="col" class="number">Difference</th><th scope="col" class="number">95% interval</th><th scope="col" class="number">Seeds</th><th scope="col" class="number">p (Holm)</th><th scope="col">Reading</th></tr></thead>
<tbody>${strategies.map(accuracyRow)}</tbody></table></div></div>`;
}

function accuracyRow({strategy, acc, same, metrics, perSeed}: StrategyComparison): Markup {
  const line = metrics.find(({metric}) => metric.name === 'acc');
  const {difference, interval, adjusted, n, reading} = acc;
  const share = adjusted === null ? '–' : String(Number(adjusted.toPrecision(2)));
  return html`<tr><th scope="row"><bdi>${strategy}</bdi></th><td class="strip screen-only">${strip(perSeed)}</td>
<td class="number">${formatMeanSd(line?.first)}</td><td class="number">${formatMeanSd(line?.second)}</td><td class="number lead-value">${difference === null ? '–' : signed(difference)}</td>
<td class="number">${interval ? `${signed(interval.low)} to ${signed(interval.high)}` : '–'}</td><td class="number">${n}</td><td class="number">${share}</td><td class="wrap"><small>${same ? 'the same for every seed, to the last bit' : reading}</small></td></tr>`;
}

/** Seeds of the first report above a line from 0 to 1, as rings; of the second below it, filled. */
function strip({first, second}: StrategyComparison['perSeed']): Markup {
  const width = 120;
  const at = (value: number): string => (5 + value * (width - 10)).toFixed(1);
  const dots = (values: typeof first, y: number, kind: string) =>
    values.flatMap(({seed, value}) =>
      value === null
        ? []
        : [
            html`<circle class="${kind}" cx="${at(value)}" cy="${y}" r="3.4"><title>${kind}, seed ${seed}: ${formatValue(value, 'fraction')}</title></circle>`,
          ],
    );
  const told = (values: typeof first) =>
    values.map(({value}) => (value === null ? 'none' : value.toFixed(3))).join(', ') || 'none';
  return html`<svg class="two" width="${width}" height="22" viewBox="0 0 ${width} 22" role="img" aria-label="ACC by seed, first: ${told(first)}; second: ${told(second)}"><line x1="5" x2="${width - 5}" y1="11" y2="11"/>${dots(first, 6, 'first')}${dots(second, 16, 'second')}</svg>`;
}

function unmatched({unmatched: {first, second}}: ReportComparison): Markup | null {
  const list = (label: string, groups: readonly Group[]): Markup | null =>
    groups.length === 0
      ? null
      : html`<p>Only in the ${label}: ${groups.map(({strategy, setting}) => `${strategy} (${setting})`).join('; ')}.</p>`;
  if (first.length + second.length === 0) return null;
  return html`<div class="card">${list('first', first)}${list('second', second)}</div>`;
}

/** Equal differences once, with the strategies that they hold for. */
function configDifferences(strategies: readonly StrategyComparison[]): Markup {
  const changed = strategies.filter(({configs}) => configs.length > 0);
  if (changed.length === 0) return none;
  const sets = [...grouped(changed, ({configs}) => JSON.stringify(configs)).values()];
  return html`${sets.map((own) => {
    const names = own.map(({strategy, setting}) => `${strategy} (${setting})`).join('; ');
    return html`<h3><bdi>${own.length === strategies.length ? 'All strategies' : displayText(names, 600)}</bdi></h3>${differenceTable(`Differences of the configs: ${names}`, own[0]?.configs ?? [])}`;
  })}`;
}

function differenceTable(label: string, differences: readonly Difference[]): Markup {
  const cell = (value: string | null): Markup =>
    value === null
      ? html`<td class="muted">not set</td>`
      : html`<td class="wrap"><code>${displayText(value, 300)}</code></td>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${displayText(label, 200)}"><table>
<thead><tr><th scope="col">Setting</th><th scope="col">First</th><th scope="col">Second</th></tr></thead>
<tbody>${differences.map(({path, first, second}) => html`<tr><th scope="row"><code>${path}</code></th>${cell(first)}${cell(second)}</tr>`)}</tbody></table></div>`;
}

function metricTable({strategy, setting, metrics}: StrategyComparison): Markup {
  return html`<details><summary><bdi>${strategy}</bdi> (<bdi>${setting}</bdi>)</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Every metric, ${strategy}, ${setting}"><table>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">First</th><th scope="col" class="number">Second</th><th scope="col" class="number">Difference of means</th></tr></thead>
<tbody>${metrics.map(({metric, first, second}) => {
    const gap = first?.mean != null && second?.mean != null ? second.mean - first.mean : null;
    const sign = gap === null || gap === 0 ? '' : gap > 0 ? '+' : '\u2212';
    return html`<tr><th scope="row" title="${metric.summary}">${metric.label}</th><td class="number">${formatMeanSd(first)}</td><td class="number">${formatMeanSd(second)}</td><td class="number">${gap === null ? '–' : `${sign}${formatValue(Math.abs(gap), metric.unit)}`}</td></tr>`;
  })}</tbody></table></div></details>`;
}

function signed(value: number): string {
  const text = formatValue(value, 'fraction');
  return value > 0 && Number(value.toFixed(3)) !== 0 ? `+${text}` : text;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
