import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {expect} from 'chai';
import type {Page} from 'playwright-core';
import {describeInChromium} from '../support/chromium-suite.ts';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeResults {
  readonly violations: readonly {readonly id: string; readonly nodes: readonly {readonly html: string}[]}[];
}

describeInChromium('axe', (pages) => {
  const check = async (page: Page): Promise<string[]> => {
    await page.evaluate(`document.querySelectorAll('details').forEach((part) => { part.open = true; })`);
    // The debugger evaluates it: the page's policy would not let it in.
    await page.evaluate(readFileSync(axe, 'utf8'));
    const found = await page.evaluate<AxeResults>('axe.run()');
    return found.violations.map(({id, nodes}) => `${id}: ${nodes[0]?.html.slice(0, 200)} (${nodes.length})`);
  };

  for (const [view, scheme] of [
    ['overview', 'light'],
    ['overview', 'dark'],
    ['run/2', 'light'],
    ['strategy/1', 'light'],
    ['compare/0/2', 'light'],
  ] as const) {
    it(`${view} has nothing that axe calls wrong, ${scheme}`, async () => {
      const opened =
        view === 'overview'
          ? await pages().open(pages().few, 1280, scheme, check)
          : await pages().openView(pages().few, view, 1280, check, scheme);
      expect(opened.result).to.deep.equal([]);
    });
  }

  for (const scheme of ['light', 'dark'] as const) {
    it(`two reports compared have nothing that axe calls wrong, ${scheme}`, async () => {
      const {result} = await pages().open(pages().comparison, 1280, scheme, check, async () => undefined);
      expect(result).to.deep.equal([]);
    });
  }
});
