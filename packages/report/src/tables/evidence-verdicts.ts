import type {EvidenceRow} from '@accrete/kit';
import type {ModuleEvidence} from '../runs/module-evidence.ts';
import {mean} from '../statistics/moments.ts';
import {LARGEST_EXACT, signFlipTest} from '../statistics/sign-flip.ts';

/** How modules of a method at a density do beside one control. */
export interface ControlVerdict {
  readonly subject: EvidenceRow['subject'];
  /** Mean of the control's sufficiency. */
  readonly mean: number;
  /** Mean over seeds of the module's sufficiency less the control's. */
  readonly gain: number;
  /** Exact one-sided p of that gain over seeds; null where the module is not ahead. */
  readonly p: number | null;
  /** True where p is at most 0.05. */
  readonly beaten: boolean;
}

/** What the evidence says of one method at one density, over tasks and seeds. */
export interface EvidenceVerdict {
  readonly method: string;
  /** True for groups that a router chooses for every example, instead of one choice for the task. */
  readonly routed: boolean;
  readonly asked: number | null;
  /** Share of the weights that the modules really have; mean. */
  readonly density: number;
  readonly seeds: number;
  /** Means over seeds and tasks; null where none has a value. */
  readonly values: Readonly<Partial<Record<EvidenceRow['measure'], number>>>;
  readonly controls: readonly ControlVerdict[];
}

/** A control counts as beaten up to this p. */
export const LEVEL = 0.05;
const CONTROLS = ['random', 'magnitude', 'untrained', 'shuffled-tasks'] as const;
const MEASURES = [
  'sufficiency',
  'routed-sufficiency',
  'half-sufficiency',
  'exclusivity',
  'necessity',
  'selectivity',
  'exclusive-part-necessity',
  'composability',
  'stability-corrected',
  'overlap-corrected',
] as const;

/**
 * What the evidence says of every method at every density: means, and whether it beats its controls on sufficiency. Pairs are
 * seeds, each with its mean over tasks and draws; the test flips signs, exactly: p = 1 / 2^n at best.
 */
export function evidenceVerdicts(rows: readonly EvidenceRow[]): readonly EvidenceVerdict[] {
  const groups = new Map<string, EvidenceRow[]>();
  for (const row of rows) {
    if (!(MEASURES as readonly string[]).includes(row.measure) || row.value === null) continue;
    const key = JSON.stringify([row.method, row.measure === 'routed-sufficiency', row.asked]);
    const group = groups.get(key) ?? [];
    group.push(row);
    groups.set(key, group);
  }
  const verdicts = [...groups].map(([key, group]) => {
    const [method, routed, asked] = JSON.parse(key) as [string, boolean, number | null];
    return verdict(method, routed, asked, group);
  });
  const methods = [...new Set(verdicts.map(({method}) => method))];
  return verdicts.sort(
    (a, b) =>
      methods.indexOf(a.method) - methods.indexOf(b.method) ||
      Number(a.routed) - Number(b.routed) ||
      (b.asked ?? b.density) - (a.asked ?? a.density),
  );
}

/** What the evidence of one log says, a line per method and density, for a terminal. */
export function moduleSummary({name, rows}: ModuleEvidence): string {
  const lines = evidenceVerdicts(rows).map(({method, routed, asked, density, values, controls}) => {
    const own = values[routed ? 'routed-sufficiency' : 'sufficiency'];
    const beside = controls.map(
      ({subject, mean: value, beaten}) => `${subject} ${hundredths(value)}${beaten ? '' : ' (not beaten)'}`,
    );
    const share = Number((100 * (asked ?? density)).toPrecision(2));
    return `Modules in ${name}: ${method}${routed ? ', routed,' : ''} at ${share} %: sufficiency ${own === undefined ? '–' : hundredths(own)}; ${beside.join(', ')}`;
  });
  return lines.join('\n');
}

function verdict(method: string, routed: boolean, asked: number | null, rows: readonly EvidenceRow[]): EvidenceVerdict {
  const own = rows.filter(({subject}) => subject === 'module');
  const values = MEASURES.flatMap((measure) => {
    const found = own.filter((row) => row.measure === measure).map(numberOf);
    return found.length === 0 ? [] : [[measure, mean(found)] as const];
  });
  const measure = routed ? 'routed-sufficiency' : 'sufficiency';
  const modules = bySeed(own.filter((row) => row.measure === measure));
  const controls = CONTROLS.flatMap((subject) => {
    const theirs = bySeed(rows.filter((row) => row.subject === subject && row.measure === measure));
    const gains = [...modules].flatMap(([seed, value]) => {
      const other = theirs.get(seed);
      return other === undefined ? [] : [value - other];
    });
    return gains.length === 0 ? [] : [controlVerdict(subject, mean([...theirs.values()]), gains)];
  });
  return {
    method,
    routed,
    asked,
    density: mean(own.map(({density}) => density)),
    seeds: new Set(own.map(({seed}) => seed)).size,
    values: Object.fromEntries(values),
    controls,
  };
}

function controlVerdict(subject: EvidenceRow['subject'], average: number, gains: readonly number[]): ControlVerdict {
  const gain = mean(gains);
  // Flipping all signs mirrors the distribution, so that half of the two-sided p is the one-sided one of what is ahead.
  const p = gain > 0 ? signFlipTest(pairs(gains)).p / 2 : null;
  return {subject, mean: average, gain, p, beaten: p !== null && p <= LEVEL};
}

/** The gains, or means of blocks of them where there are more than the exact test takes: under chance either may flip its sign. */
function pairs(gains: readonly number[]): readonly number[] {
  if (gains.length <= LARGEST_EXACT) return gains;
  return Array.from({length: LARGEST_EXACT}, (_, block) => mean(gains.filter((__, i) => i % LARGEST_EXACT === block)));
}

/** Means per seed. */
function bySeed(rows: readonly EvidenceRow[]): ReadonlyMap<number, number> {
  const lists = new Map<number, number[]>();
  for (const row of rows) lists.set(row.seed, [...(lists.get(row.seed) ?? []), numberOf(row)]);
  return new Map([...lists].map(([seed, list]) => [seed, mean(list)]));
}

function hundredths(value: number): string {
  return value.toFixed(2).replace(/^-0\.00$/, '0.00');
}

function numberOf({value}: EvidenceRow): number {
  return value ?? Number.NaN;
}
