import {expect} from 'chai';
import {type Drawing, describeInChromium, inspect} from '../support/chromium-suite.ts';

describeInChromium('names and scripts that mean ill', (pages) => {
  it('runs no code from hostile names, and stays readable with names of 10,000 letters', async () => {
    const {result, messages} = await pages().open(pages().awkward, 400, 'light', async (page) => {
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
    for (const view of ['run/0', 'strategy/0', 'strategy/1', 'compare/0/2']) {
      const shown = await pages().openView(pages().awkward, view, 400, async (page) => ({
        title: await page.title(),
        images: await page.locator('img').count(),
        overflow: await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        ),
      }));
      expect(shown.messages, view).to.deep.equal([]);
      expect(shown.result, view).to.deep.include({images: 0, overflow: 0});
      expect(shown.result.title, view).to.contain('<script>');
    }
  });

  it('refuses scripts that are not its own, and eval', async () => {
    const {result} = await pages().open(pages().plain, 1280, 'light', async (page) => {
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
