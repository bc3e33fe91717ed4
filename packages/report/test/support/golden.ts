import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';

const folder = join(import.meta.dirname, '../golden');

/**
 * Compare a value with its golden file, numbers rounded to 3 decimals. UPDATE_GOLDEN=1 writes the file; otherwise a
 * difference fails and leaves what came beside it as `-changed`.
 */
export function expectGolden(name: string, value: unknown): void {
  const text = `${JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' ? Math.round(v * 1000) / 1000 : v), 1)}\n`;
  const file = join(folder, `${name}.json`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    writeFileSync(file, text);
    return;
  }
  const golden = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (golden !== text) writeFileSync(join(folder, `${name}-changed.json`), text);
  expect(
    text === golden,
    `${name} differs from test/golden/${name}.json; see ${name}-changed.json, or UPDATE_GOLDEN=1`,
  ).to.equal(true);
}
