/**
 * The page's own script: draws every chart from the data block, one after another, with vega's interpreter (no eval).
 * `data-charts` on the root element ends as "drawn", or "failed" where any chart could not be drawn.
 */
export const clientScript = `
(async () => {
  'use strict';
  const {config, specs} = JSON.parse(document.getElementById('charts-data').textContent);
  const options = {
    mode: 'vega-lite', renderer: 'svg', actions: false, defaultStyle: false, config,
    ast: true, expr: vegaInterpreter,
    tooltip: {disableDefaultStyle: true},
    loader: {load: () => Promise.reject(new Error('This page loads nothing.'))},
  };
  let failures = 0;
  for (const place of document.querySelectorAll('[data-chart]')) {
    try {
      await vegaEmbed(place, specs[Number(place.dataset.chart)], options);
      await new Promise((resolve) => setTimeout(resolve)); // Lets the browser show it and answer the reader.
    } catch (error) {
      failures += 1;
      place.className = 'failed';
      place.textContent = 'This chart could not be drawn: ' + (error && error.message ? error.message : error);
    }
  }
  document.documentElement.dataset.charts = failures === 0 ? 'drawn' : 'failed';
})();
`.trim();
