import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect} from 'chai';
import type {Browser, Page} from 'playwright-core';
import {buildReport, loadRuns, renderReport, toCsv} from '../src/index.ts';
import {findChromium, launchChromium} from './support/browser.ts';
import {writeSyntheticRun, writeSyntheticSet} from './support/synthetic-runs.ts';

const chromium = findChromium();
const hostile = `<script>document.title='taken'</script><img src=x onerror="document.title='taken'">"'&\u202e`;

interface Drawing {
  readonly charts: number;
  readonly empty: readonly string[];
  readonly overflow: number;
  readonly outside: readonly string[];
}

// In the page: charts without a drawing of some size, or without marks; anything wider than the window.
const inspect = `(() => {
  const charts = [...document.querySelectorAll('[data-chart]')];
  const empty = charts.filter((chart) => {
    const drawing = chart.querySelector('svg');
    const box = drawing && drawing.getBoundingClientRect();
    const marks = chart.querySelectorAll('.mark-rect.role-mark path, .mark-symbol.role-mark path, .mark-rule.role-mark line, .mark-line.role-mark path');
    return !box || box.width < 100 || box.height < 40 || marks.length === 0;
  });
  const outside = charts.filter((chart) => {
    const drawing = chart.querySelector('svg');
    return drawing && drawing.getBoundingClientRect().width > chart.getBoundingClientRect().width + 1;
  });
  const name = (chart) => chart.closest('figure').textContent.slice(0, 60);
  return {
    charts: charts.length,
    empty: empty.map(name),
    outside: outside.map(name),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
})()`;

/** Scroll from top to bottom as a reader would, until every chart is drawn or the end has been reached and nothing moves. */
async function scrollThrough(page: Page): Promise<void> {
  for (let y = 0; y < (await page.evaluate<number>('document.documentElement.scrollHeight')); y += 600) {
    await page.evaluate(`scrollTo(0, ${y})`);
    await page.waitForTimeout(20);
  }
  await page.waitForSelector('html[data-charts=drawn], html[data-charts=failed]', {state: 'attached'});
  await page.evaluate('scrollTo(0, 0)');
}

if (chromium === undefined) {
  console.log(
    'Chromium was not found: the report is not opened in a browser. Install chromium, or set CHROMIUM to its path.',
  );
} else {
  describe('a report in Chromium, from a file, with the network off', () => {
    let folder: string;
    let browser: Browser;
    let plain: string;
    let awkward: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'accrete-report-page-'));
      writeSyntheticSet(join(folder, 'runs'));
      plain = write('plain.html', [join(folder, 'runs')], 'Split Fashion-MNIST, quick');
      const odd = join(folder, 'odd');
      for (const seed of [0, 1]) writeSyntheticRun(odd, {label: hostile, experiment: hostile, dataset: hostile, seed});
      writeSyntheticRun(odd, {label: 'x'.repeat(10_000), experiment: hostile, dataNotes: [hostile]});
      writeFileSync(join(writeSyntheticRun(odd, {label: 'broken'}), 'status.json'), hostile);
      awkward = write('awkward.html', [odd], hostile);
      browser = await launchChromium(chromium);
    });

    after(async () => {
      await browser.close();
      rmSync(folder, {recursive: true, force: true});
    });

    function write(name: string, paths: readonly string[], title: string): string {
      const file = join(folder, name);
      writeFileSync(file, renderReport(buildReport(loadRuns(paths), {title})));
      return pathToFileURL(file).href;
    }

    async function open<T>(
      url: string,
      width: number,
      colorScheme: 'light' | 'dark',
      use: (page: Page) => Promise<T>,
    ): Promise<{result: T; messages: string[]}> {
      const context = await browser.newContext({offline: true, viewport: {width, height: 900}, colorScheme});
      const messages: string[] = [];
      try {
        const page = await context.newPage();
        page.on('console', (message) => {
          if (['error', 'warning'].includes(message.type())) messages.push(`${message.type()}: ${message.text()}`);
        });
        page.on('pageerror', (error) => messages.push(`page error: ${error.message}`));
        page.on('request', (request) => {
          if (request.url() !== url) messages.push(`request: ${request.url().slice(0, 100)}`);
        });
        await page.goto(url);
        await page.waitForSelector('html[data-charts]', {state: 'attached'});
        await scrollThrough(page);
        return {result: await use(page), messages};
      } finally {
        await context.close();
      }
    }

    for (const [width, scheme] of [
      [1280, 'light'],
      [1280, 'dark'],
      [400, 'light'],
      [400, 'dark'],
    ] as const) {
      it(`draws every chart at ${width} px, ${scheme}, within the window and without a message`, async () => {
        const {result, messages} = await open(plain, width, scheme, async (page) => {
          const drawing = await page.evaluate<Drawing>(inspect);
          const shots = process.env['SCREENSHOTS'];
          if (shots) await page.screenshot({path: join(shots, `report-${width}-${scheme}.png`), fullPage: true});
          return drawing;
        });
        expect(messages).to.deep.equal([]);
        expect(result.charts).to.be.greaterThan(20);
        expect(result.empty).to.deep.equal([]);
        expect(result.outside).to.deep.equal([]);
        expect(result.overflow).to.equal(0);
      });
    }

    it('follows the window when it is made narrower', async () => {
      const {result, messages} = await open(plain, 1280, 'light', async (page) => {
        await page.setViewportSize({width: 500, height: 900});
        await page.waitForTimeout(500);
        return page.evaluate<Drawing>(inspect);
      });
      expect(messages).to.deep.equal([]);
      expect([result.empty, result.outside, result.overflow]).to.deep.equal([[], [], 0]);
    });

    it('shows the value under the pointer', async () => {
      const {result, messages} = await open(plain, 1280, 'light', async (page) => {
        await page.locator('#matrices .mark-text.role-mark text').first().hover();
        await page.waitForSelector('#vg-tooltip-element.visible');
        return page.locator('#vg-tooltip-element').textContent();
      });
      expect(messages).to.deep.equal([]);
      expect(result).to.match(/after task.*on task.*seeds/);
    });

    it('runs no code from hostile names, and stays readable with names of 10,000 letters', async () => {
      const {result, messages} = await open(awkward, 400, 'light', async (page) => {
        await page.locator('#comparison .mark-rect.role-mark path').first().hover();
        return {
          title: await page.title(),
          drawing: await page.evaluate<Drawing>(inspect),
          images: await page.locator('img').count(),
        };
      });
      expect(messages).to.deep.equal([]);
      expect(result.title).to.match(/^<script>/);
      expect(result.images).to.equal(0);
      expect([result.drawing.empty, result.drawing.outside, result.drawing.overflow]).to.deep.equal([[], [], 0]);
    });

    it('sorts a leaderboard by the press of a key, and filters its strategies', async () => {
      const {result, messages} = await open(plain, 1280, 'light', async (page) => {
        const table = page.locator('table.leaderboard').first();
        const names = () => table.locator('tbody tr:not([hidden]) th').allTextContents();
        const before = await names();
        const head = table.getByRole('button', {name: 'ACC', exact: true});
        await head.focus();
        await page.keyboard.press('Enter');
        const down = await names();
        await page.keyboard.press('Space');
        const up = await names();
        const state = await table.locator('th[aria-sort]').getAttribute('aria-sort');
        await table.getByRole('button', {name: 'Strategy', exact: true}).click();
        const byName = await names();
        await page.locator('#filter-text').fill('  EWC');
        return {
          before,
          down,
          up,
          state,
          byName,
          filtered: await names(),
          said: await page.locator('[role=status]').textContent(),
        };
      });
      expect(messages).to.deep.equal([]);
      const {before, down, up, state, byName, filtered, said} = result;
      expect(down).to.deep.equal(before);
      expect(up).to.deep.equal([...before].reverse());
      expect(state).to.equal('ascending');
      expect(byName).to.deep.equal([...before].sort());
      expect(filtered).to.deep.equal(['ewc']);
      expect(said).to.equal('1 of 6 strategies in the tables');
    });

    it('gives every number as a CSV file, offline', async () => {
      const {result, messages} = await open(plain, 1280, 'light', async (page) => {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', {name: 'Download every number as CSV'}).click(),
        ]);
        return {name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8')};
      });
      expect(messages.filter((text) => !text.startsWith('request: data:text/csv'))).to.deep.equal([]);
      expect(result.name).to.equal('report.csv');
      expect(result.text).to.equal(toCsv(buildReport(loadRuns([join(folder, 'runs')])).rows));
    });

    it('leaves charts that are out of sight until they are needed, and draws all of them to be printed', async () => {
      const context = await browser.newContext({offline: true, viewport: {width: 1280, height: 600}});
      try {
        const page = await context.newPage();
        await page.goto(plain);
        await page.waitForSelector('html[data-charts]', {state: 'attached'});
        const drawn = () => page.evaluate<number>(`document.querySelectorAll('[data-chart] svg').length`);
        expect(await drawn()).to.be.lessThan(10);
        await page.pdf();
        const {charts, empty} = await page.evaluate<Drawing>(inspect);
        expect([charts > 20, empty]).to.deep.equal([true, []]);
      } finally {
        await context.close();
      }
    });

    it('draws every chart at once where the browser has no IntersectionObserver', async () => {
      const context = await browser.newContext({offline: true, viewport: {width: 1280, height: 600}});
      try {
        const page = await context.newPage();
        await page.addInitScript('delete globalThis.IntersectionObserver');
        await page.goto(plain);
        await page.waitForSelector('html[data-charts=drawn]', {state: 'attached'});
        expect((await page.evaluate<Drawing>(inspect)).empty).to.deep.equal([]);
      } finally {
        await context.close();
      }
    });

    it('refuses scripts that are not its own, and eval', async () => {
      const {result} = await open(plain, 1280, 'light', async (page) => {
        // In a timer: what the debugger itself evaluates is not under the page's policy.
        await page.evaluate(`setTimeout(() => {
          const script = document.createElement('script');
          script.textContent = 'globalThis.intruder = true';
          document.body.append(script);
          try {
            globalThis.evaluated = String(new Function('return 1')());
          } catch (error) {
            globalThis.evaluated = error.name;
          }
        })`);
        await page.waitForTimeout(100);
        return page.evaluate<string[]>('[String(globalThis.intruder), String(globalThis.evaluated)]');
      });
      expect(result).to.deep.equal(['undefined', 'EvalError']);
    });
  });
}
