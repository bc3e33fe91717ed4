import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {EvidenceRow} from '@accrete/kit';

/** A row of evidence: sufficiency 0.5 of a module that Fisher found at 10 %, but for what is given. */
export function evidenceRow(given: Partial<EvidenceRow>): EvidenceRow {
  return {
    method: 'fisher',
    module: 'digits',
    subject: 'module',
    measure: 'sufficiency',
    against: null,
    layer: null,
    asked: 0.1,
    density: 0.1,
    seed: 0,
    status: 'ok',
    reason: null,
    value: 0.5,
    examples: 100,
    ...given,
  };
}

/** Writes rows as the log of a folder. @returns the file. */
export function writeEvidence(folder: string, rows: readonly EvidenceRow[]): string {
  mkdirSync(folder, {recursive: true});
  const file = join(folder, 'evidence.jsonl');
  const lines = rows.map((row, seq) => JSON.stringify({type: 'evidence', seq, time: '2026-01-01T00:00:00Z', ...row}));
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

/** A little of every measure that is drawn: two tasks, two methods, two densities, two seeds, and experts. */
export function manyRows(): readonly EvidenceRow[] {
  return [0, 1].flatMap((seed) =>
    ['fisher', 'wanda'].flatMap((method) =>
      [0.5, 0.1].flatMap((asked) =>
        ['digits', 'fashion'].flatMap((module, m) => {
          const row = (given: Partial<EvidenceRow>) =>
            evidenceRow({method, module, asked, density: asked, seed, ...given});
          const other = m === 0 ? 'fashion' : 'digits';
          return [
            row({value: 0.9}),
            row({value: 0.4, subject: 'random'}),
            row({value: 0.6, subject: 'magnitude'}),
            row({measure: 'accuracy', subject: 'full', against: module, value: 0.95}),
            row({measure: 'accuracy', against: module, value: 0.9}),
            row({measure: 'accuracy', against: other, value: 0.2}),
            row({measure: 'accuracy-without', against: module, value: 0.15}),
            row({measure: 'accuracy-without', against: other, value: 0.85}),
            row({measure: 'overlap-corrected', against: other, layer: 'layer0/base/kernel', value: 0.1}),
            row({measure: 'stability-corrected', against: 'seed 1', layer: 'layer0/base/kernel', value: 0.7}),
            row({
              measure: 'expert-activation',
              module: `expert ${m}`,
              against: 'class 3',
              layer: 'layer0/base/kernel',
              asked: null,
            }),
          ];
        }),
      ),
    ),
  );
}
