import {expect} from 'chai';
import {type Drawing, describeInChromium, inspect} from '../support/chromium-suite.ts';

describeInChromium('the charts of a report', (pages) => {
  for (const [width, scheme] of [
    [768, 'light'],
    [1280, 'light'],
    [1280, 'dark'],
    [400, 'light'],
    [400, 'dark'],
  ] as const) {
    it(`draws every chart at ${width} px, ${scheme}, within the window and without a message`, async () => {
      const {result, messages} = await pages().open(pages().plain, width, scheme, async (page) => {
        const drawing = await page.evaluate<Drawing>(inspect);
        await pages().shoot(page, `report-${width}-${scheme}`);
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
    const {result, messages} = await pages().open(pages().plain, 1280, 'light', async (page) => {
      await page.setViewportSize({width: 500, height: 900});
      await page.waitForTimeout(500);
      return page.evaluate<Drawing>(inspect);
    });
    expect(messages).to.deep.equal([]);
    expect([result.empty, result.outside, result.overflow]).to.deep.equal([[], [], 0]);
  });

  it('shows the value under the pointer', async () => {
    const {result, messages} = await pages().open(pages().plain, 1280, 'light', async (page) => {
      await page.locator('#matrices .mark-text.role-mark text').first().hover();
      await page.waitForSelector('#vg-tooltip-element.visible');
      return page.locator('#vg-tooltip-element').textContent();
    });
    expect(messages).to.deep.equal([]);
    expect(result).to.match(/after task.*on task.*seeds/);
  });

  it('leaves charts that are out of sight until they are needed, and draws all of them to be printed', async () => {
    const context = await pages().browser.newContext({offline: true, viewport: {width: 1280, height: 600}});
    try {
      const page = await context.newPage();
      await page.goto(pages().plain);
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
    const context = await pages().browser.newContext({offline: true, viewport: {width: 1280, height: 600}});
    try {
      const page = await context.newPage();
      await page.addInitScript('delete globalThis.IntersectionObserver');
      await page.goto(pages().plain);
      await page.waitForSelector('html[data-charts=drawn]', {state: 'attached'});
      expect((await page.evaluate<Drawing>(inspect)).empty).to.deep.equal([]);
    } finally {
      await context.close();
    }
  });
});
