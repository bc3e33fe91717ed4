import {HarnessError} from '@accrete/kit';
import type {ExportedFile} from '../interop/exported-file.ts';
import {mlflowFiles} from '../interop/mlflow.ts';
import {tensorBoardFiles} from '../interop/tensor-board.ts';
import type {Report} from '../report.ts';
import {latex, markdown, publicationTables} from './publication-table.ts';
import {toCsv, toTable} from './rows.ts';

/** What a report can be exported as, and what is in it. */
export const exportFormats = {
  csv: 'every number, one line per run and metric',
  json: 'every number, the summaries, leaderboards, comparisons and problems',
  markdown: 'the leaderboards, as tables for a README or an issue',
  latex: 'the leaderboards, as booktabs tables for a paper',
  arrow: 'every number, as an Arrow IPC stream',
} as const;

/** What a report can be exported as that is a folder of files, and what is in it. */
export const folderFormats = {
  tensorboard: 'the runs as event files of scalars and hyperparameters, a folder each: tensorboard --logdir <folder>',
  mlflow: 'the runs as a file store: mlflow ui --backend-store-uri <folder>',
} as const;

/** The name of an export format that is a folder. */
export type FolderFormat = keyof typeof folderFormats;

/** A report as a folder of another tool, file by file. The same report gives the same files. */
export function exportFolder(report: Report, format: FolderFormat): Iterable<ExportedFile> {
  return {tensorboard: tensorBoardFiles, mlflow: mlflowFiles}[format](report);
}

/** The name of an export format. */
export type ExportFormat = keyof typeof exportFormats;

/**
 * A report as a file of another format: bytes for Arrow, text for all others. The same report gives the same file.
 *
 * @throws HarnessError E_UNKNOWN where there is no such format.
 */
export function exportReport(report: Report, format: ExportFormat): string | Uint8Array {
  switch (format) {
    case 'csv':
      return toCsv(report.rows);
    case 'json':
      return `${JSON.stringify(asData(report), null, 1)}\n`;
    case 'markdown':
      return publicationTables(report.leaderboards, markdown);
    case 'latex':
      return publicationTables(report.leaderboards, latex);
    case 'arrow':
      return toTable(report.rows).toArrowIPC();
    default:
      throw new HarnessError(
        'E_UNKNOWN',
        `expected an export format (${Object.keys(exportFormats).join(', ')}), got "${String(format)}".`,
        {format},
      );
  }
}

function asData({title, dataNotes, rows, summary, leaderboards, problems}: Report) {
  const boards = leaderboards.map(({setting, verdict, entries, comparisons}) => ({
    setting,
    verdict,
    strategies: entries.map(({strategy, averageRank, best, perSeed}) => ({strategy, averageRank, best, perSeed})),
    comparisons,
  }));
  return {title, dataNotes, leaderboards: boards, summary, rows, problems};
}
