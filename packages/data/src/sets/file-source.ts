import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {isHarnessError} from '@accrete/kit';
import * as z from 'zod';
import {datasetFolder} from '../cache/folder.ts';
import {readOrigin} from '../cache/store.ts';
import type {LoadContext} from '../source/context.ts';
import type {FileSet} from '../source/file-set.ts';
import {loadFileSet} from '../source/load.ts';
import type {DatasetSource} from './dataset-source.ts';
import {proceduralSource} from './procedural.ts';

/** Options of every data set that is made of files. */
export const fileOptions = {
  fallback: z
    .enum(['none', 'procedural'])
    .default('none')
    .describe('what to do where no source answers: stop, or take as many generated images'),
};

/** What to do where no source answers. */
export type Fallback = 'none' | 'procedural';

/**
 * A file set as a data set source.
 *
 * With fallback "procedural", generated grey images of the same size, number of classes and about the same number of
 * examples stand in where no source answers; then the data set is named `procedural`, and its `notes` say so.
 */
export function fileSource(set: FileSet, options: {readonly fallback: Fallback}): DatasetSource {
  const load = (context: LoadContext = {}) => loadFileSet(set, context);
  return {
    kind: set.kind,
    info: (context = {}) => ({
      kind: set.kind,
      licence: set.licence,
      cite: set.cite,
      url: set.url,
      imageShape: set.imageShape,
      classes: set.classes,
      examples: set.examples,
      files: set.files,
      lookedFor: [`cache ${datasetFolder(set.kind, context)}`, ...set.providers.map((provider) => provider.name)],
      notes: set.notes,
    }),
    cached: (context = {}) => cacheState(set, datasetFolder(set.kind, context)),
    load:
      options.fallback === 'none'
        ? load
        : (context = {}) =>
            load(context).catch((error: unknown) => {
              // Only where nothing answered: damage that decoding finds in verified files is our mistake.
              if (!isHarnessError(error) || error.details['attempts'] === undefined) throw error;
              return standIn(set, error.message, context);
            }),
  };
}

async function standIn(set: FileSet, reason: string, context: LoadContext) {
  const classes = set.classes.length;
  const note = `${set.kind} could not be had: generated images stand in for it. Its published results do not apply.`;
  context.report?.(`${reason}\n${note}`);
  const dataset = await proceduralSource({
    classes,
    trainPerClass: Math.round(set.examples.train / classes),
    testPerClass: Math.round(set.examples.test / classes),
    size: set.imageShape[0],
  }).load(context);
  return {...dataset, notes: [note, ...dataset.notes]};
}

async function cacheState(set: FileSet, folder: string) {
  let sizeBytes = 0;
  let present = true;
  for (const file of set.files) {
    const size = (await stat(join(folder, file.name)).catch(() => undefined))?.size;
    sizeBytes += size ?? 0;
    present &&= size === file.sizeBytes;
  }
  const origin = await readOrigin(folder);
  return {present, sizeBytes, folder, ...(origin !== undefined && sizeBytes > 0 && {origin})};
}
