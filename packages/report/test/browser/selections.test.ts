import {expect} from 'chai';
import {describeInChromium} from '../support/chromium-suite.ts';

describeInChromium('what a reader picks', (pages) => {
  it('puts a strategy in focus everywhere, from a legend or a mark, and lets it go again', async () => {
    const {result, messages} = await pages().open(pages().plain, 1280, 'light', async (page) => {
      const opacities = () =>
        page
          .locator('#accuracy-over-tasks .mark-symbol.role-mark path')
          .evaluateAll((marks) => [
            ...new Set(marks.map((mark) => `${mark.getAttribute('fill')} ${mark.getAttribute('opacity')}`)),
          ]);
      const before = await opacities();
      await page.locator('#cost .legend').getByRole('button', {name: 'ewc'}).focus();
      await page.keyboard.press('Enter');
      const picked = {
        opacities: await opacities(),
        panels: await page.locator('#matrices .panel:not([hidden])').count(),
        rows: await page.locator('table.leaderboard tr.faint').count(),
        said: await page.locator('#focus [role=status]').textContent(),
        pressed: await page.locator('#cost .legend button[aria-pressed=true]').allTextContents(),
      };
      await page.keyboard.press('Escape');
      const after = await opacities();
      await page.locator('#comparison .mark-symbol.role-mark path').first().click({force: true});
      const byMark = await page.locator('#focus [role=status]').textContent();
      await page.getByRole('button', {name: 'Show all'}).click();
      const shown = await page.locator('#focus').isVisible();
      return {before, picked, after, byMark, shown};
    });
    expect(messages).to.deep.equal([]);
    expect(result.picked.opacities).to.not.deep.equal(result.before);
    expect(result.after).to.deep.equal(result.before);
    const {panels, rows, said, pressed} = result.picked;
    expect([panels, rows, said, pressed]).to.deep.equal([2, 10, 'In focus: ewc', ['ewc']]);
    expect(result.byMark).to.match(/^In focus: \S+$/);
    expect(result.shown).to.equal(false);
  });

  it('sorts a leaderboard by the press of a key, and filters its strategies', async () => {
    const {result, messages} = await pages().open(pages().plain, 1280, 'light', async (page) => {
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
        said: await page.locator('#strategy-filter [role=status]').textContent(),
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

  it('sorts the table of runs by seed', async () => {
    const {result, messages} = await pages().open(pages().plain, 1280, 'light', async (page) => {
      const table = page.locator('#runs table').first();
      const seeds = () => table.locator('tbody tr td:nth-child(3)').allTextContents();
      await table.getByRole('button', {name: 'Seed', exact: true}).click();
      return {seeds: await seeds(), state: await table.locator('th[aria-sort]').getAttribute('aria-sort')};
    });
    expect(messages).to.deep.equal([]);
    expect(result.state).to.equal('descending');
    expect(result.seeds).to.deep.equal([...result.seeds].sort((a, b) => Number(b) - Number(a)));
    expect(new Set(result.seeds).size).to.equal(3);
  });
});
