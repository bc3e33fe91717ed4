import type {EvidenceRow} from '@accrete/kit';
import type {ModuleEvidence} from '../runs/module-evidence.ts';
import {type ControlVerdict, type EvidenceVerdict, evidenceVerdicts, LEVEL} from '../tables/evidence-verdicts.ts';
import {html, type Markup} from './escape.ts';

const measures = [
  'sufficiency',
  'half-sufficiency',
  'exclusivity',
  'necessity',
  'selectivity',
  'composability',
] as const;
const controls = ['random', 'magnitude', 'untrained', 'shuffled-tasks'] as const;

/** What the evidence says of every method at every density, one table per log, and in words which controls are not beaten. */
export function evidenceSection(modules: readonly ModuleEvidence[]): Markup | null {
  if (modules.length === 0) return null;
  return html`<section id="modules" aria-labelledby="modules-title">
<h2 id="modules-title">Modules</h2>
${modules.map(table)}
</section>`;
}

function table({name, rows}: ModuleEvidence): Markup {
  const verdicts = evidenceVerdicts(rows);
  const n = Math.max(0, ...verdicts.map(({seeds}) => seeds));
  return html`<div class="card">
<h3><bdi>${name}</bdi></h3>
<div class="scroll" tabindex="0" role="region" aria-label="Modules, ${name}">
<table class="sortable">
<caption>Means over tasks and ${n} ${n === 1 ? 'seed' : 'seeds'}. Of a control, its sufficiency; ✗ where the method is not ahead of it at p ≤ ${LEVEL} by an exact one-sided sign-flip test over seeds.</caption>
<thead><tr><th scope="col">Method</th><th scope="col" class="number">Density</th>${measures.map(
    (measure) => html`<th scope="col" class="number">${heading(measure)}</th>`,
  )}${controls.map((subject) => html`<th scope="col" class="number">${subject}</th>`)}</tr></thead>
<tbody>${verdicts.map(line)}</tbody>
</table>
</div>
<p class="verdict">${summary(verdicts, n)}</p>
</div>`;
}

function line(verdict: EvidenceVerdict): Markup {
  const {routed, asked, density, values} = verdict;
  const value = (measure: EvidenceRow['measure']): string =>
    number(values[routed && measure === 'sufficiency' ? 'routed-sufficiency' : measure]);
  const seen = controls.map((subject) => verdict.controls.find((control) => control.subject === subject));
  return html`<tr><th scope="row"><bdi>${nameOf(verdict)}</bdi></th><td class="number">${percent(asked ?? density)}</td>${measures.map(
    (measure) => html`<td class="number">${value(measure)}</td>`,
  )}${seen.map((control) => html`<td class="number"${control ? html` title="${details(control)}"` : null}>${control ? `${number(control.mean)}${control.beaten ? '' : ' ✗'}` : '–'}</td>`)}</tr>
`;
}

function details({gain, p}: ControlVerdict): string {
  return `${gain > 0 ? 'ahead' : 'behind'} by ${Math.abs(gain).toFixed(3)}${p === null ? '' : `, p = ${Number(p.toPrecision(2))}`}`;
}

/** Methods that do not beat a control, in words. */
function summary(verdicts: readonly EvidenceVerdict[], seeds: number): string {
  const best = 2 ** -seeds;
  if (best > LEVEL)
    return `Whether a method is ahead cannot be resolved with ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}: p is ${Number(best.toPrecision(2))} at best.`;
  const lost = controls.flatMap((subject) => {
    const densities = new Map<string, string[]>();
    for (const verdict of verdicts) {
      if (!verdict.controls.some((control) => control.subject === subject && !control.beaten)) continue;
      const name = nameOf(verdict);
      densities.set(name, [...(densities.get(name) ?? []), percent(verdict.asked ?? verdict.density)]);
    }
    const names = [...densities].map(([name, at]) => `${name} (${at.join(', ')})`);
    return names.length === 0 ? [] : [`Not ahead of ${subject}: ${names.join('; ')}.`];
  });
  return lost.length === 0 ? 'Every method is ahead of every control.' : lost.join(' ');
}

function nameOf({method, routed}: EvidenceVerdict): string {
  return routed ? `${method}, routed` : method;
}

function heading(measure: (typeof measures)[number]): string {
  return measure === 'half-sufficiency' ? 'half-mask' : measure;
}

function number(value: number | undefined): string {
  return value === undefined
    ? '–'
    : value
        .toFixed(2)
        .replace(/^-0\.00$/, '0.00')
        .replace('-', '\u2212');
}

function percent(density: number): string {
  return `${Number((100 * density).toPrecision(2))} %`;
}
