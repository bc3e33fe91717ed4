import type {Report} from '../report.ts';
import {displayText} from '../runs/display-text.ts';
import {moduleSummary} from './evidence-verdicts.ts';
import {formatMeanSd} from './format.ts';
import type {Leaderboard} from './leaderboard.ts';

const columns = [
  ['ACC', 'acc'],
  ['BWT', 'bwt'],
  ['learning ACC', 'learning-acc'],
  ['parameters', 'parameters'],
  ['stored', 'bytes'],
  ['training', 'training-time'],
] as const;

/**
 * The leaderboards as plain text for a terminal, one table per scenario: mean ± sample sd over the finite seeds, with
 * their number. No colour codes, and no control characters from names.
 */
export function renderTextSummary(report: Report): string {
  const parts = [
    ...report.dataNotes.map(({note, runs}) => `NOTE (${runs} of ${report.runs.length} runs): ${note}`),
    ...report.leaderboards.map(tableOf),
    ...report.modules.map(moduleSummary),
    ...shortfalls(report),
  ];
  return `${(parts.length > 0 ? parts : ['No runs to report.']).join('\n\n')}\n`;
}

function tableOf({setting, entries, verdict}: Leaderboard): string {
  const head = ['strategy', ...columns.map(([title]) => title), 'seeds'];
  const body = entries.map(({strategy, summaries, best}) => {
    const acc = summaries.get('acc');
    return [
      `${strategy}${best ? ' *' : ''}`,
      ...columns.map(([, metric]) => formatMeanSd(summaries.get(metric))),
      `${acc?.finite ?? 0} of ${acc?.total ?? 0}`,
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [setting, line(head), rule, ...body.map(line), verdict].join('\n');
}

function shortfalls({runs, problems}: Report): string[] {
  const open = runs.filter((run) => run.state !== 'done');
  const warned = runs.filter((run) => run.warnings.length > 0);
  const lines = [
    ...open.map(
      (run) => `${displayText(run.id, 120)}: ${run.state}${run.reason ? ` (${displayText(run.reason, 200)})` : ''}`,
    ),
    ...warned.map((run) => `${displayText(run.id, 120)}: ${displayText(run.warnings[0]!, 240)}`),
    ...problems.map(({path, reason}) => `${displayText(path, 200)}: ${displayText(reason, 300)}`),
  ];
  if (lines.length === 0) return [];
  const shown = lines.slice(0, 10);
  if (lines.length > shown.length) shown.push(`... and ${lines.length - shown.length} more; the report lists all.`);
  return [['Not as it should be:', ...shown.map((text) => `  ${text}`)].join('\n')];
}
