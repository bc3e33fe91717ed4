import type {RunEvidence} from '../runs/evidence.ts';
import type {Arrangement, Group} from '../runs/groups.ts';
import {grouped} from '../tables/grouped.ts';

/** The same strategy in the same setting of two reports; one of them may lack it. */
export interface MatchedGroups {
  readonly first: Group | undefined;
  readonly second: Group | undefined;
}

/**
 * Groups of two reports, side by side. Those belong together that have scenario, stream, data set and the variant's label in
 * common. Where a report has several such, equal configs find each other before equal experiments, and these before the order.
 */
export function matchedGroups(first: Arrangement, second: Arrangement): MatchedGroups[] {
  const groupsOf = ({settings}: Arrangement): Group[] => settings.flatMap(({groups}) => groups);
  const free = grouped(groupsOf(second), familyOf);
  const matched = groupsOf(first).map((group): MatchedGroups => {
    const candidates = free.get(familyOf(group)) ?? [];
    const found =
      candidates.find((other) => oneOf(other).hash === oneOf(group).hash) ??
      candidates.find((other) => oneOf(other).experiment === oneOf(group).experiment) ??
      candidates[0];
    if (found) candidates.splice(candidates.indexOf(found), 1);
    return {first: group, second: found};
  });
  const left = [...free.values()].flat().map((group) => ({first: undefined, second: group}));
  return [...matched, ...left];
}

function familyOf(group: Group): string {
  const {scenario, stream, dataset, label} = oneOf(group);
  return JSON.stringify([scenario, stream, dataset, label]);
}

function oneOf({runs: [run]}: Group): RunEvidence {
  if (!run) throw new RangeError('a group has at least one run.');
  return run;
}
