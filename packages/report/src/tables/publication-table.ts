import {metrics} from '../metrics/metrics.ts';
import {formatMeanSd} from './format.ts';
import type {Leaderboard} from './leaderboard.ts';

/** How a format writes a leaderboard. */
export interface TableDialect {
  readonly escape: (text: string) => string;
  readonly bold: (escaped: string) => string;
  /** The whole table from escaped cells; `head` and every line have one cell per column. */
  readonly table: (
    title: string,
    head: readonly string[],
    lines: readonly (readonly string[])[],
    note: string,
  ) => string;
}

const columns = [
  'acc',
  'bwt',
  'forgetting-earlier-peak',
  'learning-acc',
  'parameters',
  'bytes',
  'training-time',
] as const;

/** Every leaderboard as mean ± sample sd over the finite seeds, with their number; the best in bold where tests resolve it. */
export function publicationTables(boards: readonly Leaderboard[], dialect: TableDialect): string {
  const {escape: safe, bold} = dialect;
  return boards
    .map(({setting, entries, verdict}) => {
      const shown = columns
        .map((name) => metrics.find((metric) => metric.name === name)!)
        .filter(({name}) => entries.some((entry) => entry.summaries.get(name)?.mean != null));
      const lines = entries.map(({strategy, summaries, best}) => [
        safe(strategy),
        ...shown.map(({name}) => {
          const text = safe(formatMeanSd(summaries.get(name)));
          return best && name === 'acc' ? bold(text) : text;
        }),
        `${summaries.get('acc')?.finite ?? 0}/${summaries.get('acc')?.total ?? 0}`,
      ]);
      const head = ['Strategy', ...shown.map(({label}) => label), 'Seeds'].map(safe);
      return dialect.table(safe(setting), head, lines, safe(verdict));
    })
    .join('\n');
}

/** GitHub-flavoured Markdown. Everything that could be markup is escaped. */
export const markdown: TableDialect = {
  escape: (text) =>
    text
      .replace(/[\\`*_{}[\]()#+!|~-]/g, '\\$&')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;'),
  bold: (text) => `**${text}**`,
  table: (title, head, lines, note) => {
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
    const rule = `| --- |${' ---: |'.repeat(head.length - 1)}\n`;
    return `## ${title}\n\n${line(head)}${rule}${lines.map(line).join('')}\n${note}\n`;
  },
};

const latexMarks: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  '\u2212': '$-$',
  '–': '--',
  '·': '$\\cdot$',
};

/** LaTeX for the booktabs package. Characters that mean something to TeX are escaped. */
export const latex: TableDialect = {
  escape: (text) => text.replace(/[\\~^±\u2212–·&%$#_{}]/g, (mark) => latexMarks[mark] ?? `\\${mark}`),
  bold: (text) => `\\textbf{${text}}`,
  table: (title, head, lines, note) => {
    const line = (cells: readonly string[]): string => `    ${cells.join(' & ')} \\\\\n`;
    return `\\begin{table}
  \\centering
  \\caption{${title}. Mean $\\pm$ sample sd over seeds. ${note}}
  \\begin{tabular}{l${'r'.repeat(head.length - 1)}}
    \\toprule
${line(head)}    \\midrule
${lines.map(line).join('')}    \\bottomrule
  \\end{tabular}
\\end{table}
`;
  },
};
