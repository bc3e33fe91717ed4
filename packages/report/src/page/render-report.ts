import {createHash} from 'node:crypto';
import {HarnessError} from '@accrete/kit';
import {type Figure, figures} from '../charts/figures.ts';
import type {Report} from '../report.ts';
import {toCsv} from '../tables/rows.ts';
import {chartData} from './chart-data.ts';
import {clientScript} from './client.ts';
import {embeddedJson, html, type Markup, trusted} from './escape.ts';
import {figureSections} from './figure-section.ts';
import {leaderboardSection} from './leaderboard-section.ts';
import {libraryScripts} from './libraries.ts';
import {metricSection} from './metric-section.ts';
import {overview} from './overview.ts';
import {problemSection} from './problem-section.ts';
import {runSection} from './run-section.ts';
import {styleSheet} from './style.ts';
import {tableScript} from './table-script.ts';

/** Above this size the table of all numbers is left out of the page. */
const LARGEST_CSV = 1_000_000;

/**
 * A report as one HTML file that needs nothing else: scripts, styles and data are inside, and its content policy forbids
 * the network, eval, and every script and style but those whose hashes it lists. The same runs give the same page.
 *
 * @throws HarnessError E_FILE where the chart libraries are not installed.
 */
export function renderReport(report: Report): string {
  const drawn = report.runs.length > 0 ? figures(report.arrangement, report.rows) : [];
  const scripts = drawn.length > 0 ? [tableScript, ...libraryScripts(), clientScript] : [];
  for (const script of scripts) {
    if (/<\/script|<!--/i.test(script))
      throw new HarnessError('E_FILE', 'a chart library holds text that would end its script.');
  }
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${report.title} · Accrete report</title>
<style>${trusted(styleSheet)}</style>
</head>
<body>
${overview(report)}
<main>
${navigation(drawn)}
${report.runs.length > 0 ? leaderboardSection(report) : null}
${drawn.length > 0 ? figureSections(drawn, report.arrangement.strategies) : null}
${report.runs.length > 0 ? [metricSection(), runSection(report)] : null}
${problemSection(report)}
</main>
<footer>${download(report)}</footer>
${drawn.length > 0 ? html`<script type="application/json" id="charts-data">${embeddedJson(chartData(drawn))}</script>` : null}
${scripts.map(
  (script) => html`<script>${trusted(script)}</script>
`,
)}
</body>
</html>
`.markup;
}

function contentPolicy(scripts: readonly string[]): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `script-src ${scripts.map(hash).join(' ') || "'none'"}`,
    `style-src ${hash(styleSheet)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function navigation(drawn: readonly Figure[]): Markup {
  const links = [
    ['leaderboard', 'Leaderboard'],
    ...drawn.map(({id, title}) => [id, title] as const),
    ['metrics', 'Metrics'],
    ['runs', 'Runs'],
    ['problems', 'Failures and warnings'],
  ] as const;
  if (drawn.length === 0) return html``;
  return html`<nav aria-label="Sections"><ul>${links.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`;
}

function download(report: Report): Markup {
  const csv = toCsv(report.rows);
  if (report.rows.length === 0) return html``;
  if (csv.length > LARGEST_CSV)
    return html`<p>The table of all numbers is too large for this page; export it as CSV instead.</p>`;
  return html`<p class="screen-only"><a download="report.csv" href="data:text/csv;charset=utf-8,${encodeURIComponent(csv)}">Download every number as CSV</a> (${report.rows.length} rows: one per run and metric).</p>`;
}
