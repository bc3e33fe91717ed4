import type {EvidenceRow} from '@accrete/kit';
import type {ModuleEvidence} from '../runs/module-evidence.ts';
import {mean, median} from '../statistics/moments.ts';
import {type DensityRow, densityCurve, type EvidenceCell, evidenceHeatMap, subjectColours} from './evidence-charts.ts';
import type {Figure, Panel} from './figures.ts';

/** The figures of evidence about modules; those without anything to draw are left out. */
export function evidenceFigures(modules: readonly ModuleEvidence[]): Figure[] {
  const panels = (of: (rows: readonly EvidenceRow[]) => Panel[]): Panel[] =>
    modules.flatMap(({name, rows}) => of(rows).map((panel) => (modules.length > 1 ? {...panel, group: name} : panel)));
  const all: Figure[] = [
    {
      id: 'evidence-density',
      title: 'Modules: sufficiency against density',
      guide:
        'What is left of a task, as a share of what the full network has above chance, when only the module works. A method is worth its trouble where its bold line is above all others: those are controls with as many weights in every layer.',
      legend: 'subjects',
      size: 'narrow',
      panels: panels(densityPanels),
    },
    {
      id: 'evidence-ablation',
      title: 'Modules: ablation matrix',
      guide:
        'Accuracy on each task (columns) of the full network, of a module alone, and of the network without it. A module of its own keeps its column and darkens the others when alone, and the reverse when it is taken out.',
      legend: 'accuracy',
      size: 'narrow',
      panels: panels(ablationPanels),
    },
    {
      id: 'evidence-overlap',
      title: 'Modules: overlap',
      guide:
        'Overlap of two masks in every layer, corrected for chance: 0 or less is what random masks of these densities share, 1 the same mask. The overlap of different tasks means something only where the same task with another seed agrees far more.',
      legend: 'none',
      size: 'wide',
      panels: panels(overlapPanels),
    },
    {
      id: 'evidence-experts',
      title: 'Modules: experts by class',
      guide:
        'Of all that the units of a layer put out for a class (columns), the share that comes from each group of units (rows). A group that lights up for some classes only has specialised.',
      legend: 'none',
      size: 'wide',
      panels: panels(expertPanels),
    },
  ];
  return all.filter((figure) => figure.panels.length > 0);
}

function densityPanels(rows: readonly EvidenceRow[]): Panel[] {
  const plain = byMethod(rows.filter(({measure}) => measure === 'sufficiency'));
  const routed = byMethod(rows.filter(({measure}) => measure === 'routed-sufficiency'));
  const named = [...plain, ...[...routed].map(([method, own]) => [`${method}, routed`, own] as const)];
  return named.flatMap(([title, own]) => {
    const cells = [...grouped(own, ({subject, asked, density}) => [subject, asked ?? rounded(density)])].flatMap(
      ([key, of]): DensityRow[] => {
        const [subject, density] = JSON.parse(key) as [string, number];
        if (!isSubject(subject) || density <= 0) return [];
        return [{subject, density, value: meanOf(of), n: seedsOf(of)}];
      },
    );
    if (cells.length === 0) return [];
    const description = `Line chart of the sufficiency of modules by ${title} and of their controls against their density.`;
    return [{title, description, spec: densityCurve(cells)}];
  });
}

function ablationPanels(rows: readonly EvidenceRow[]): Panel[] {
  const seen = rows.filter(({measure}) => measure === 'accuracy' || measure === 'accuracy-without');
  const middle = middleDensity(seen);
  return [...byMethod(seen)].flatMap(([method, own]) => {
    const [at, chosen] = nearest(own, middle);
    if (!chosen.some(({measure}) => measure === 'accuracy-without')) return [];
    const names = {
      full: () => 'full network',
      module: ({measure, module}: EvidenceRow) => `${measure === 'accuracy' ? 'only' : 'without'} ${module}`,
    } as const;
    const cells = cellsOf(
      chosen.filter(({subject}) => subject === 'full' || subject === 'module'),
      (row) => [names[row.subject as keyof typeof names](row), row.against ?? ''],
    );
    const description = `Heat map of accuracies by task of the full network, of each module by ${method} alone, and without it.`;
    const spec = evidenceHeatMap(cells, {title: 'accuracy', domain: [0, 1], slanted: true});
    return [{title: `${method}, ${percent(at)}`, description, spec}];
  });
}

function overlapPanels(rows: readonly EvidenceRow[]): Panel[] {
  const kernels = rows.filter(({layer}) => !layer?.endsWith('/bias'));
  const seen = kernels.filter(({measure}) => measure === 'overlap-corrected' || measure === 'stability-corrected');
  const middle = middleDensity(seen);
  const titleOf = ({measure, module, against}: EvidenceRow): string =>
    measure === 'overlap-corrected' ? `${module} and ${against}` : `${module} and itself, other seed`;
  const chosen = [...byMethod(seen)].flatMap(([, own]) => nearest(own, middle)[1]);
  return [...grouped(chosen, (row) => [titleOf(row)])].map(([key, own]) => {
    const [title] = JSON.parse(key) as [string];
    const cells = cellsOf(own, ({method, layer}) => [method, shortLayer(layer)]);
    const description = `Heat map of the overlap of the modules ${title}, by method and layer, corrected for chance.`;
    return {title, description, spec: evidenceHeatMap(cells, {title: 'corrected overlap', domain: [0, 1]})};
  });
}

function expertPanels(rows: readonly EvidenceRow[]): Panel[] {
  const seen = rows.filter(({measure}) => measure === 'expert-activation');
  // Groups of other seeds are other groups: one seed is shown.
  const first = Math.min(...seen.map(({seed}) => seed));
  const own = seen.filter(({seed}) => seed === first);
  return [...grouped(own, ({method, layer}) => [method, shortLayer(layer)])].map(([key, of]) => {
    const [method, layer] = JSON.parse(key) as [string, string];
    const cells = cellsOf(of, ({module, against}) => [module, (against ?? '').replace(/^class /, '')]);
    const description = `Heat map of the share of a layer's activation by group of units and class: ${method}, ${layer}.`;
    const spec = evidenceHeatMap(cells, {
      title: 'share of the activation',
      xTitle: 'class',
      numbers: false,
      height: 190,
    });
    return {title: `${method}, ${layer}, seed ${first}`, description, spec};
  });
}

function cellsOf(
  rows: readonly EvidenceRow[],
  place: (row: EvidenceRow) => readonly [y: string, x: string],
): EvidenceCell[] {
  return [...grouped(rows, place)].map(([key, of]) => {
    const [y, x] = JSON.parse(key) as [string, string];
    return {x, y, value: meanOf(of), n: seedsOf(of)};
  });
}

/** Rows with a value, by what `key` says of them. */
function grouped(
  rows: readonly EvidenceRow[],
  key: (row: EvidenceRow) => readonly (string | number)[],
): ReadonlyMap<string, readonly EvidenceRow[]> {
  const groups = new Map<string, EvidenceRow[]>();
  for (const row of rows) {
    if (row.value === null) continue;
    const name = JSON.stringify(key(row));
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

function byMethod(rows: readonly EvidenceRow[]): ReadonlyMap<string, readonly EvidenceRow[]> {
  return new Map([...grouped(rows, ({method}) => [method])].map(([key, own]) => [JSON.parse(key)[0], own]));
}

/** The density in the middle of those asked for: heat maps show one. */
function middleDensity(rows: readonly EvidenceRow[]): number {
  const asked = [...new Set(rows.flatMap((row) => (row.asked === null ? [] : [row.asked])))].sort((a, b) => a - b);
  return asked[Math.floor((asked.length - 1) / 2)] ?? 1;
}

/** The rows at the density that comes nearest, by their ratio. */
function nearest(rows: readonly EvidenceRow[], wanted: number): readonly [number, readonly EvidenceRow[]] {
  const asked = [...new Set(rows.map((row) => row.asked))];
  const far = (density: number): number => Math.abs(Math.log(density / wanted));
  const [best = null] = asked.sort((a, b) => far(a ?? 1) - far(b ?? 1));
  const chosen = rows.filter((row) => row.asked === best);
  return [best ?? median(chosen.map(({density}) => density)), chosen];
}

/** The part of a parameter's path that tells layers apart. */
function shortLayer(layer: string | null): string {
  return (layer ?? 'all').replace(/\/base\/kernel$|\/kernel$/, '').replace(/^head\/segment:\d+$/, 'head');
}

function meanOf(rows: readonly EvidenceRow[]): number {
  return Number(mean(rows.flatMap(({value}) => (value === null ? [] : [value]))).toPrecision(4));
}

function seedsOf(rows: readonly EvidenceRow[]): number {
  return new Set(rows.map(({seed}) => seed)).size;
}

function isSubject(subject: string): subject is DensityRow['subject'] {
  return Object.hasOwn(subjectColours, subject);
}

function rounded(density: number): number {
  return Number(density.toPrecision(2));
}

function percent(density: number): string {
  return `${Number((100 * density).toPrecision(2))} %`;
}
