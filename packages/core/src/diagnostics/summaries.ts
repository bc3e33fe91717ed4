import {type Diagnosis, diagnosisOf} from './failure.ts';
import {entropy} from './scores.ts';
import type {RoutingSummary} from './tally.ts';

/**
 * What the tallies of all tasks together say of each site's router: `collapse`, `dead-modules` and `uniform-router` where there are
 * modules to choose from, `unserved-tokens` where it was counted. Examples weigh the same, whatever their task.
 */
export function diagnoseSummaries(summaries: readonly RoutingSummary[]): readonly Diagnosis[] {
  return bySite(summaries).flatMap(({site, entries}): Diagnosis[] => {
    const {modules, load} = wholeLoad(entries);
    const found: Diagnosis[] = [];
    if (modules.length > 1) {
      const most = Math.max(...load);
      found.push(diagnosisOf('collapse', most, {site, modules: modules.filter((_, m) => load[m] === most)}));
      const dead = modules.filter((_, m) => load[m]! < 1 / (10 * modules.length));
      found.push(diagnosisOf('dead-modules', dead.length, {site, modules: dead}));
    }
    const choosing = entries.filter((entry) => entry.modules.length > 1);
    if (choosing.length > 0) {
      const undecided = weighted(choosing, (entry) => entry.entropy / Math.log(entry.modules.length));
      found.push(diagnosisOf('uniform-router', undecided, {site}));
    }
    const counted = entries.filter((entry) => entry.unserved !== undefined);
    if (counted.length > 0) {
      found.push(
        diagnosisOf(
          'unserved-tokens',
          weighted(counted, (entry) => entry.unserved!),
          {site},
        ),
      );
    }
    return found;
  });
}

/**
 * `router-overfit` at each site: how much more modules tell of tasks on the examples of training than on others.
 *
 *   specialisation = I(task; module) / min(H(task), H(module)),   0 where either never varies
 *
 * Sites of which either has no tally are left out.
 */
export function diagnoseOverfit(
  training: readonly RoutingSummary[],
  evaluation: readonly RoutingSummary[],
): readonly Diagnosis[] {
  const others = new Map(bySite(evaluation).map(({site, entries}) => [site, entries]));
  return bySite(training).flatMap(({site, entries}) => {
    const other = others.get(site);
    if (other === undefined) return [];
    return [diagnosisOf('router-overfit', specialisationOf(entries) - specialisationOf(other), {site})];
  });
}

interface SiteSummaries {
  readonly site: string;
  readonly entries: readonly RoutingSummary[];
}

function bySite(summaries: readonly RoutingSummary[]): readonly SiteSummaries[] {
  return [...new Set(summaries.map(({site}) => site))].map((site) => ({
    site,
    entries: summaries.filter((entry) => entry.site === site),
  }));
}

/** The load of every module that any task uses, over the examples of all tasks. */
function wholeLoad(entries: readonly RoutingSummary[]): {modules: readonly string[]; load: readonly number[]} {
  const modules = [...new Set(entries.flatMap((entry) => entry.modules))];
  return {modules, load: modules.map((id) => weighted(entries, (entry) => entry.load[entry.modules.indexOf(id)] ?? 0))};
}

/** Mean over tasks of a figure, weighed by their examples. */
function weighted(entries: readonly RoutingSummary[], of: (entry: RoutingSummary) => number): number {
  const total = entries.reduce((sum, {examples}) => sum + examples, 0);
  return entries.reduce((sum, entry) => sum + (entry.examples / total) * of(entry), 0);
}

function specialisationOf(entries: readonly RoutingSummary[]): number {
  const total = entries.reduce((sum, {examples}) => sum + examples, 0);
  const ofModule = entropy(wholeLoad(entries).load);
  const information = ofModule - weighted(entries, ({load}) => entropy(load));
  const most = Math.min(ofModule, entropy(entries.map(({examples}) => examples / total)));
  return most > 1e-12 ? Math.max(0, information) / most : 0;
}
