import type {Report} from '../report.ts';
import {displayJson, displayText} from '../runs/display-text.ts';
import type {RunEvidence} from '../runs/evidence.ts';
import type {Group} from '../runs/groups.ts';
import {formatSeconds} from '../tables/format.ts';
import {html, type Markup} from './escape.ts';

/** More runs than this have a line per strategy and setting: a browser takes long over thousands of lines, and nobody reads them. */
const MOST_LISTED = 400;

/**
 * Every run with its state, and what is needed to run it again: configs, tasks, environments.
 *
 * @param linked true where the page has a page for each run, in the order of this table.
 */
export function runSection(report: Report, linked: boolean): Markup {
  const groups = report.arrangement.settings.flatMap((setting) => setting.groups);
  return html`<section id="runs" aria-labelledby="runs-title">
<h2 id="runs-title">Runs</h2>
<div class="card">
<div class="scroll" tabindex="0" role="region" aria-label="All runs">
${report.runs.length > MOST_LISTED ? groupTable(groups) : runTable(groups, linked)}
</div>
${linked ? html`<p class="screen-only"><a href="#compare/0/${Math.min(1, report.runs.length - 1)}">Compare two runs</a></p>` : html`<p class="muted">There are too many runs for a page of each in this file; a report of fewer of them has one.</p>`}
</div>
<div class="card"><h3>Configs</h3>
<p class="muted">Each once, without its seed.</p>
${distinctBlocks(groups.flatMap((group) => group.runs.map((run) => ({title: `${group.strategy}, ${group.setting}`, value: run.config}))))}
</div>
<div class="card"><h3>Tasks</h3>
${distinctBlocks(groups.flatMap((group) => group.runs.map((run) => ({title: `${group.setting}: ${run.taskCount} tasks`, value: run.tasks}))))}
</div>
<div class="card"><h3>Environments</h3>
${distinctBlocks(report.runs.map((run) => ({title: environmentTitle(run), value: run.environment})))}
</div>
</section>`;
}

function runTable(groups: readonly Group[], linked: boolean): Markup {
  const runs = groups.flatMap((group) => group.runs.map((run) => ({group, run})));
  return html`<table class="sortable"><caption><span>One line per run. Times are UTC.</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">Setting</th><th scope="col" class="number">Seed</th><th scope="col">State</th><th scope="col" class="number">Started</th><th scope="col" class="number">Took</th><th scope="col">Folder</th></tr></thead>
<tbody>${runs.map(({group, run}, i) => runRow(group, run, linked ? `#run/${i}` : null))}</tbody></table>`;
}

/** The runs of a strategy in a setting as one line; those that are not done are listed under failures. */
function groupTable(groups: readonly Group[]): Markup {
  return html`<table class="sortable"><caption><span>One line per strategy and setting. Times are UTC; what runs took is summed. The export as CSV has a line per run and metric.</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">Setting</th><th scope="col" class="number">Seeds</th><th scope="col" class="number">Done</th><th scope="col" class="number">First started</th><th scope="col" class="number">Took in all</th><th scope="col">Experiments</th></tr></thead>
<tbody>${groups.map(groupRow)}</tbody></table>`;
}

function groupRow({strategy, setting, runs}: Group): Markup {
  const seeds = runs.map(({seed}) => seed);
  const done = runs.filter(({state}) => state === 'done').length;
  const seconds = runs.reduce((sum, run) => sum + (secondsOf(run) ?? 0), 0);
  const first = runs.reduce((earliest, {started}) => (started < earliest ? started : earliest), '9999');
  const experiments = [...new Set(runs.map(({experiment}) => displayText(experiment, 60)))].join(', ');
  return html`<tr data-strategy="${strategy}"><th scope="row"><bdi>${strategy}</bdi></th><td><bdi>${setting}</bdi></td><td class="number" data-sort="${seeds.length}">${seeds.length > 4 ? `${seeds[0]} to ${seeds.at(-1)} (${seeds.length})` : seeds.join(', ')}</td>
<td class="number" data-sort="${done}"><span class="state${done === runs.length ? '' : ' off'}">${done} of ${runs.length}</span></td><td class="number" data-sort="${Date.parse(first)}">${first.slice(0, 16).replace('T', ' ')}</td>
<td class="number" data-sort="${seconds}">${formatSeconds(seconds)}</td><td><code>${displayText(experiments, 160)}</code></td></tr>`;
}

/** Null where a run has not ended. */
function secondsOf({started, ended}: RunEvidence): number | null {
  return ended === undefined ? null : (Date.parse(ended) - Date.parse(started)) / 1000;
}

function runRow({strategy, setting}: Group, run: RunEvidence, page: string | null): Markup {
  const id = html`<code>${displayText(run.id, 120)}</code>`;
  const seconds = secondsOf(run);
  return html`<tr data-strategy="${strategy}"><th scope="row"><bdi>${strategy}</bdi></th><td><bdi>${setting}</bdi></td><td class="number" data-sort="${run.seed}">${run.seed}</td>
<td><span class="state${run.state === 'done' ? '' : ' off'}">${run.state}</span></td><td class="number" data-sort="${Date.parse(run.started)}">${run.started.slice(0, 16).replace('T', ' ')}</td>
<td class="number" data-sort="${seconds ?? ''}">${seconds === null ? '–' : formatSeconds(seconds)}</td><td>${page ? html`<a href="${page}">${id}</a>` : id}</td></tr>`;
}

function environmentTitle({environment}: RunEvidence): string {
  const {accrete, node, platform, cpu, cores, engine, gitCommit} = environment;
  const text = `Accrete ${accrete}, ${gitCommit ? `commit ${gitCommit.slice(0, 10)}` : 'no git commit'}, Node ${node}, ${platform}, ${cpu} (${cores} cores), engine ${engine.kind}, ${engine.threads} ${engine.threads === 1 ? 'thread' : 'threads'}`;
  return displayText(text, 240);
}

/** Equal values are shown once, under the titles of all that share them. */
function distinctBlocks(blocks: readonly {readonly title: string; readonly value: unknown}[]): Markup[] {
  const byText = new Map<string, Set<string>>();
  for (const {title, value} of blocks) {
    const text = displayJson(value);
    byText.set(text, (byText.get(text) ?? new Set()).add(title));
  }
  return [...byText].map(
    ([text, titles]) =>
      html`<details><summary><bdi>${[...titles].join('; ')}</bdi></summary><pre tabindex="0">${text}</pre></details>`,
  );
}
