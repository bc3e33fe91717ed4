import {expect} from 'chai';
import {describeInChromium} from '../support/chromium-suite.ts';

describeInChromium('two reports compared', (pages) => {
  for (const width of [1280, 768, 400]) {
    it(`are shown within the window at ${width} px, without scripts, whatever their names hold`, async () => {
      const {result, messages} = await pages().open(
        pages().comparison,
        width,
        'light',
        async (page) => {
          await pages().shoot(page, `comparison-${width}`);
          return {
            title: await page.title(),
            heads: await page.locator('h2').allTextContents(),
            readings: await page.locator('table.leaderboard').first().locator('tbody td:last-child').allTextContents(),
            scripts: await page.locator('script, img').count(),
            overflow: await page.evaluate<number>(
              'document.documentElement.scrollWidth - document.documentElement.clientWidth',
            ),
          };
        },
        async () => undefined,
      );
      expect(messages).to.deep.equal([]);
      expect(result.title).to.contain('<script>');
      expect(result.heads).to.deep.equal([
        'Accuracy',
        'Differences of the configs',
        'Differences of the environments',
        'Every metric',
      ]);
      expect(result.readings).to.deep.equal(Array(2).fill('the same for every seed, to the last bit'));
      expect([result.scripts, result.overflow]).to.deep.equal([0, 0]);
    });
  }
});
