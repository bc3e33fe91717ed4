import {subjectColours} from '../charts/evidence-charts.ts';
import type {Figure} from '../charts/figures.ts';
import {changeMarks, strategyScale} from '../charts/palette.ts';
import {html, type Markup} from './escape.ts';

/** The figures, each with its guide, its legend and places for its charts, which the page's script fills in order. */
export function figureSections(figures: readonly Figure[], strategies: readonly string[]): Markup {
  let index = 0;
  return html`<section id="charts" aria-labelledby="charts-title">
<h2 id="charts-title">Charts</h2>
<p class="guide screen-only">Press a strategy in a legend, or click its marks, to put it in focus in all charts and tables.</p>
<noscript><p class="banner">The charts are drawn by a script inside this file, and scripts are switched off. All numbers are in the tables.</p></noscript>
${figures.map(
  (figure) => html`<article class="card" id="${figure.id}">
<h3>${figure.title}</h3>
<p class="guide">${figure.guide}</p>
${legend(figure.legend, strategies)}
${[...new Set(figure.panels.map(({group}) => group))].map(
  (group) => html`${group === undefined ? null : html`<h4><bdi>${group}</bdi></h4>`}
<div class="panels ${figure.size}">${figure.panels
    .filter((panel) => panel.group === group)
    .map(
      (panel) =>
        html`<figure class="panel"${panel.strategy === undefined ? null : html` data-strategy="${panel.strategy}"`}><figcaption><bdi>${panel.title}</bdi></figcaption><div class="chart" data-chart="${index++}"></div></figure>`,
    )}</div>`,
)}
</article>`,
)}
</section>`;
}

function legend(kind: Figure['legend'], strategies: readonly string[]): Markup | null {
  if (kind === 'none') return null;
  if (kind === 'accuracy') {
    const stops = ['#440154', '#31688e', '#35b779', '#fde725'];
    const marks = ['0', '⅓', '⅔', '1'];
    return html`<ul class="legend" aria-label="Accuracy">${stops.map(
      (stop, i) =>
        html`<li>${swatch(html`<rect x="1" y="1" width="12" height="12" rx="2" fill="${stop}"/>`)}${marks[i]}</li>`,
    )}</ul>`;
  }
  if (kind === 'changes') {
    return html`<ul class="legend" aria-label="Changes">${Object.entries(changeMarks).map(
      ([change, {shape, colour}]) =>
        html`<li>${swatch(html`<path d="${paths[shape]}" fill="${colour}"/>`)}${change}</li>`,
    )}</ul>`;
  }
  if (kind === 'subjects') {
    return html`<ul class="legend" aria-label="Modules and controls">${Object.entries(subjectColours).map(
      ([subject, colour]) => html`<li>${swatch(html`<circle cx="7" cy="7" r="5.5" fill="${colour}"/>`)}${subject}</li>`,
    )}</ul>`;
  }
  const {range} = strategyScale(strategies);
  return html`<ul class="legend" aria-label="Strategies">${strategies.map(
    (strategy, i) =>
      html`<li data-strategy="${strategy}">${swatch(html`<circle cx="7" cy="7" r="5.5" fill="${range[i]!}"/>`)}<bdi>${strategy}</bdi></li>`,
  )}</ul>`;
}

const paths: Readonly<Record<(typeof changeMarks)[keyof typeof changeMarks]['shape'], string>> = {
  'triangle-up': 'M7 1.5 13 12H1z',
  'triangle-down': 'M7 12.5 1 2h12z',
  circle: 'M7 1.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z',
  square: 'M2 2h10v10H2z',
  diamond: 'M7 0.5 13 7 7 13.5 1 7z',
  cross: 'M5 1h4v4h4v4H9v4H5V9H1V5h4z',
};

function swatch(shape: Markup): Markup {
  return html`<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">${shape}</svg>`;
}
