import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A fresh folder for each test of a `describe`, removed after it. */
export function useFolder(): () => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'accrete-kit-'));
  });
  afterEach(() => rmSync(folder, {recursive: true, force: true}));
  return () => folder;
}
