import {readFileSync, statSync} from 'node:fs';
import {relative, resolve} from 'node:path';
import {fileError, HarnessError, writeFileAtomic} from '@accrete/kit';
import {compareReports, type Report, type ReportComparison, renderComparison, savedReport} from '@accrete/report';
import type {FillCommand} from './command.ts';
import {readReport, requireFolders} from './report.ts';

interface CompareFlags {
  readonly out: string;
}

/** Larger pages are refused: none of ours comes near. */
const LARGEST_PAGE = 64 * 2 ** 20;

/** `accrete compare <first> <second>`: two saved reports, or two folders of runs, set against each other. */
export const compareCommand: FillCommand = (command) =>
  command
    .argument('<first>', 'a report page, or a folder of runs')
    .argument('<second>', 'the same, to compare with the first')
    .option('--out <file>', 'where the page goes', 'reports/comparison.html')
    .action((first: string, second: string, {out}: CompareFlags) => {
      requireFolders([first, second]);
      const comparison = compareReports(reportAt(first), reportAt(second));
      const file = resolve(out);
      writeFileAtomic(file, renderComparison(comparison));
      process.stdout.write(`${summaryOf(comparison)}\nComparison: ${relative(process.cwd(), file) || file}\n`);
    });

/** @throws HarnessError E_RECORD where the path is neither a report that carries its evidence nor a folder of runs. */
function reportAt(path: string): Report {
  if (statSync(path).isDirectory()) return readReport([path]);
  const {size} = statSync(path);
  if (size > LARGEST_PAGE) {
    throw new HarnessError('E_RECORD', `${path} has ${size} bytes; reports of at most ${LARGEST_PAGE} are read.`, {
      path,
    });
  }
  try {
    return savedReport(readFileSync(path, 'utf8'), path);
  } catch (cause) {
    throw cause instanceof HarnessError ? cause : fileError('read the report', path, cause);
  }
}

function summaryOf({strategies, unmatched}: ReportComparison): string {
  const width = Math.max(0, ...strategies.map(({strategy}) => strategy.length));
  const lines = strategies.map(({strategy, setting, acc, same, configs}) => {
    const change =
      acc.difference === null
        ? 'ACC not compared'
        : `ACC ${acc.difference >= 0 ? '+' : ''}${acc.difference.toFixed(3)}`;
    const reading = same ? 'the same for every seed' : acc.reading;
    const config =
      configs.length === 0
        ? 'same config'
        : `${configs.length} ${configs.length === 1 ? 'setting differs' : 'settings differ'}`;
    return `${strategy.padEnd(width)}  ${change}  ${reading}; ${config}  (${setting})`;
  });
  const alone = unmatched.first.length + unmatched.second.length;
  return [...lines, ...(alone === 0 ? [] : [`${alone} strategies are in one report only.`])].join('\n');
}
