import {rowsOfScript} from './columns.ts';

/**
 * The page's own script for charts: draws a chart when the reader comes near it, with vega's interpreter (no eval);
 * all of them before printing, and where the browser cannot tell what is in view. `data-charts` on the root element is
 * "waiting" once charts may be drawn, and ends as "drawn", or "failed" where any could not be drawn.
 */
export const clientScript = `
(() => {
  'use strict';
  const {shapes, charts} = JSON.parse(document.getElementById('charts-data').textContent);
  const root = document.documentElement;
  const waiting = new Set(document.querySelectorAll('[data-chart]'));
  const queue = [];
  let failures = 0;
  let busy = false;

  const tip = document.createElement('div');
  tip.id = 'vg-tooltip-element';
  tip.setAttribute('role', 'tooltip');
  document.body.append(tip);
  const showTip = (_, event, item, value) => {
    const shown = value !== null && value !== undefined && value !== '';
    tip.className = shown ? 'visible' : '';
    if (!shown) return;
    const table = document.createElement('table');
    for (const [key, text] of Object.entries(typeof value === 'object' ? value : {'': value})) {
      if (text === undefined || text === '') continue;
      const row = table.insertRow();
      row.insertCell().textContent = key;
      row.cells[0].className = 'key';
      row.insertCell().textContent = String(text);
    }
    tip.replaceChildren(table);
    const box = tip.getBoundingClientRect();
    const beside = (at, size, room) => Math.max(4, at + 12 + size > room ? at - 12 - size : at + 12);
    tip.style.left = beside(event.clientX, box.width, innerWidth) + 'px';
    tip.style.top = beside(event.clientY, box.height, innerHeight) + 'px';
  };

  const loader = {
    load: () => Promise.reject(new Error('This page loads nothing.')),
    sanitize: () => Promise.reject(new Error('This page links to nothing.')),
  };
  ${rowsOfScript}
  const specOf = (chart) => {
    const spec = structuredClone(shapes[chart.shape]);
    spec.description = chart.description;
    for (const source of spec.data || []) if (chart.data[source.name]) source.values = rowsOf(chart.data[source.name]);
    return spec;
  };
  const draw = async (place) => {
    if (!waiting.delete(place)) return;
    try {
      const runtime = vega.parse(specOf(charts[Number(place.dataset.chart)]), undefined, {ast: true});
      const options = {renderer: 'svg', hover: true, expr: vegaInterpreter, loader, tooltip: showTip};
      await new vega.View(runtime, options).initialize(place).runAsync();
      place.style.minHeight = '';
    } catch (error) {
      failures += 1;
      place.className = 'failed';
      place.textContent = 'This chart could not be drawn: ' + (error && error.message ? error.message : error);
    }
    if (waiting.size === 0) root.dataset.charts = failures === 0 ? 'drawn' : 'failed';
  };
  const work = async () => {
    if (busy) return;
    busy = true;
    while (queue.length > 0) {
      await draw(queue.shift());
      await new Promise((resolve) => setTimeout(resolve)); // Lets the browser show it and answer the reader.
    }
    busy = false;
  };

  root.dataset.charts = 'waiting';
  for (const place of waiting) place.style.minHeight = charts[Number(place.dataset.chart)].height + 'px';
  addEventListener('beforeprint', () => [...waiting].forEach(draw));
  if (typeof IntersectionObserver === 'undefined') {
    queue.push(...waiting);
    work();
    return;
  }
  const observer = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      queue.push(target);
    }
    work();
  }, {rootMargin: '400px'});
  for (const place of waiting) observer.observe(place);
})();
`.trim();
