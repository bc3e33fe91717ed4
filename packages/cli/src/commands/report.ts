import {existsSync} from 'node:fs';
import {relative, resolve} from 'node:path';
import {HarnessError, writeFileAtomic} from '@accrete/kit';
import {buildReport, loadRuns, renderReport, renderTextSummary, toCsv} from '@accrete/report';
import {Command} from 'commander';
import type {MakeCommand} from './command.ts';

interface ReportFlags {
  readonly out: string;
  readonly title?: string;
  readonly csv?: string;
}

/** `accrete report <runs...>`: a page from run folders. */
export const reportCommand: MakeCommand = () =>
  new Command('report')
    .description('Write a report of runs that were computed before: one HTML file that opens offline.')
    .argument('<runs...>', 'run folders, or folders above them')
    .option('--out <file>', 'where the report goes', 'reports/report.html')
    .option('--title <text>', "its title (default: the experiments' names)")
    .option('--csv <file>', 'also write every number as CSV')
    .action((folders: readonly string[], {out, title, csv}: ReportFlags) => {
      const missing = folders.filter((folder) => !existsSync(folder));
      if (missing.length > 0) {
        throw new HarnessError(
          'E_FILE',
          `no such folder: ${missing.join(', ')}. Give run folders, or folders above them.`,
          {missing},
        );
      }
      writeReport(folders, resolve(out), title, csv);
    });

/**
 * Writes the report of runs, and prints its summary and its path.
 *
 * @throws HarnessError E_RECORD where there is no run to report; E_FILE where the report cannot be written.
 */
export function writeReport(folders: readonly string[], file: string, title?: string, csv?: string): void {
  const report = buildReport(loadRuns(folders), title === undefined ? {} : {title});
  if (report.runs.length === 0) {
    const reasons = report.problems.map(({path, reason}) => `\n  ${path}: ${reason}`).join('');
    throw new HarnessError('E_RECORD', `no run could be read, so there is nothing to report.${reasons}`);
  }
  writeFileAtomic(file, renderReport(report));
  if (csv !== undefined) writeFileAtomic(resolve(csv), toCsv(report.rows));
  process.stdout.write(`\n${renderTextSummary(report)}\nReport: ${relative(process.cwd(), file) || file}\n`);
}
