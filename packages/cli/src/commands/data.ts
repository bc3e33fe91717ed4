import {datasets, defaultCacheFolder, listDatasets} from '@accrete/data';
import {HarnessError} from '@accrete/kit';
import {wrapped} from '../terminal/text.ts';
import type {FillCommand} from './command.ts';

/** `accrete data list|get|info`. */
export const dataCommand: FillCommand = (data) => {
  data
    .command('list')
    .description('Data sets, and which of them are here.')
    .action(async () => {
      const listed = await listDatasets();
      const width = Math.max(...listed.map(({kind}) => kind.length));
      for (const {kind, summary, generated, present, sizeBytes} of listed) {
        const state = generated ? 'generated' : present ? `here, ${megabytes(sizeBytes)}` : 'not here yet';
        process.stdout.write(`${kind.padEnd(width)}  ${state.padEnd(14)}  ${summary}\n`);
      }
      process.stdout.write(`Cache: ${defaultCacheFolder()} (ACCRETE_DATA sets another)\n`);
    });
  data
    .command('get')
    .description('Fetch data sets into the cache, and verify them.')
    .argument('<names...>', datasets.kinds.join(', '))
    .option('--offline', 'use only what is on this machine')
    .action(async (names: readonly string[], {offline = false}: {offline?: boolean}) => {
      const sources = names.map((name) => [name, datasets.parse({kind: known(name)})] as const);
      for (const [name, source] of sources) {
        const report = (message: string): void => void process.stderr.write(`${name}: ${message}\n`);
        const {train, test, imageShape, classes, origin, contentHash, notes} = await source.load({report, offline});
        process.stdout.write(
          `${name}: ${train.examples} + ${test.examples} images ${imageShape.join(' x ')}, ${classes.length} classes, from ${origin}\n` +
            `  content ${contentHash}\n${notes.map((note) => `  note: ${note}\n`).join('')}`,
        );
      }
    });
  data
    .command('info')
    .description('What a data set holds, its licence and where it is looked for.')
    .argument('<name>', datasets.kinds.join(', '))
    .action((name: string) => {
      const info = datasets.parse({kind: known(name)}).info();
      const {train, test} = info.examples;
      const lines = [
        `${name}: ${train} training and ${test} test images, ${info.imageShape.join(' x ')}`,
        ...wrapped(`Classes: ${info.classes.join(', ')}`, '  '),
        ...wrapped(`Source: ${info.cite}`, '  '),
        `  ${info.url}`,
        `  Licence: ${info.licence}`,
        ...(info.lookedFor.length > 0
          ? ['Looked for, in this order', ...info.lookedFor.map((place) => `  ${place}`)]
          : []),
        ...(info.files.length > 0 ? ['Files in the cache'] : []),
        ...info.files.map((file) => `  ${file.name}  ${file.sizeBytes} bytes  sha256 ${file.sha256}`),
        ...info.notes.flatMap((note) => wrapped(`Note: ${note}`, '  ')),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
};

function known(name: string): string {
  if ((datasets.kinds as readonly string[]).includes(name)) return name;
  throw new HarnessError('E_UNKNOWN', `unknown data set "${name}". Known: ${datasets.kinds.join(', ')}.`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
