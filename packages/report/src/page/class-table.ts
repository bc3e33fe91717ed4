import type {Setting} from '../runs/groups.ts';
import {accuracyByClass} from '../runs/outcome-detail.ts';
import {mean, sampleSd} from '../statistics/moments.ts';
import {formatMeanSd} from '../tables/format.ts';
import {html, type Markup} from './escape.ts';

/** Wider tables are left out: nobody would read them. */
const MOST_CLASSES = 40;

/** Accuracy on each class after the last task, per strategy, to unfold: mean ± sd over the runs that have all of it. */
export function classTable({name, groups}: Setting): Markup | null {
  const byStrategy = groups.map(({strategy, runs}) => ({
    strategy,
    accuracies: runs.flatMap(({finalDetail: detail}) =>
      detail && detail.examples > 0 && detail.nonFinite === 0 ? [accuracyByClass(detail.classes)] : [],
    ),
  }));
  const classes = [...new Set(byStrategy.flatMap(({accuracies}) => accuracies.flatMap((own) => [...own.keys()])))].sort(
    (a, b) => a - b,
  );
  if (classes.length === 0 || classes.length > MOST_CLASSES) return null;
  return html`<details class="screen-only"><summary>Accuracy by class</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Accuracy by class, ${name}">
<table><caption><span>Share of the examples of each class that were predicted as it, after the last task: mean ± sample sd over the seeds with a finite value. Labels are those of the data set.</span></caption>
<thead><tr><th scope="col">Strategy</th>${classes.map((label) => html`<th scope="col" class="number">${label}</th>`)}</tr></thead>
<tbody>${byStrategy.map(
    ({strategy, accuracies}) =>
      html`<tr data-strategy="${strategy}"><th scope="row"><bdi>${strategy}</bdi></th>${classes.map((label) => {
        const values = accuracies.flatMap((own) => own.get(label) ?? []);
        const summary = {mean: values.length > 0 ? mean(values) : null, sd: sampleSd(values), unit: 'fraction'};
        return html`<td class="number">${formatMeanSd(summary)}</td>`;
      })}</tr>`,
  )}</tbody></table></div></details>`;
}
