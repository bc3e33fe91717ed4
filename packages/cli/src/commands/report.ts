import {existsSync} from 'node:fs';
import {join, relative, resolve} from 'node:path';
import {HarnessError, writeFileAtomic} from '@accrete/kit';
import {
  buildReport,
  exportFolder,
  exportReport,
  loadRuns,
  type Report,
  renderReport,
  renderTextSummary,
} from '@accrete/report';
import type {FillCommand} from './command.ts';
import {allFormats, collectExports, type ExportTarget} from './export-option.ts';

interface ReportFlags {
  readonly out: string;
  readonly title?: string;
  readonly export: readonly ExportTarget[];
}

/** `accrete report <runs...>`: a page from run folders, and other formats of what it says. */
export const reportCommand: FillCommand = (command) =>
  command
    .argument('<runs...>', 'run folders, or folders above them')
    .option('--out <file>', 'where the report goes', 'reports/report.html')
    .option('--title <text>', "its title (default: the experiments' names)")
    .option('--export <format=path>', 'also write it in another format; repeatable', collectExports, [])
    .addHelpText('after', `\nFormats:\n${formatHelp()}\n`)
    .action((folders: readonly string[], {out, title, export: exports}: ReportFlags) => {
      requireFolders(folders);
      const report = readReport(folders, title);
      writeReport(report, resolve(out));
      for (const target of exports) writeExport(report, target);
    });

/**
 * The report of runs; a folder that is missing is one of its problems.
 *
 * @throws HarnessError E_RECORD where there is neither a run nor evidence about modules to report.
 */
export function readReport(folders: readonly string[], title?: string): Report {
  const report = buildReport(loadRuns(folders), title === undefined ? {} : {title});
  if (report.runs.length > 0 || report.modules.length > 0) return report;
  const reasons = report.problems.map(({path, reason}) => `\n  ${path}: ${reason}`).join('');
  throw new HarnessError('E_RECORD', `no run could be read, so there is nothing to report.${reasons}`);
}

/** @throws HarnessError E_FILE naming the folders that are missing. */
export function requireFolders(folders: readonly string[]): void {
  const missing = folders.filter((folder) => !existsSync(folder));
  if (missing.length === 0) return;
  throw new HarnessError('E_FILE', `no such folder: ${missing.join(', ')}. Give run folders, or folders above them.`, {
    missing,
  });
}

/** Writes the page of a report, and prints its summary and its path. @throws HarnessError E_FILE where it cannot be written. */
export function writeReport(report: Report, file: string): void {
  writeFileAtomic(file, renderReport(report));
  process.stdout.write(`\n${renderTextSummary(report)}\nReport: ${shown(file)}\n`);
}

function writeExport(report: Report, {kind, format, path}: ExportTarget): void {
  const target = resolve(path);
  if (kind === 'file') writeFileAtomic(target, exportReport(report, format));
  else
    for (const {path: inside, content} of exportFolder(report, format)) writeFileAtomic(join(target, inside), content);
  process.stdout.write(`${format}: ${shown(target)}\n`);
}

function shown(file: string): string {
  return relative(process.cwd(), file) || file;
}

function formatHelp(): string {
  return Object.entries(allFormats)
    .map(([format, content]) => `  ${format.padEnd(12)}${content}`)
    .join('\n');
}
