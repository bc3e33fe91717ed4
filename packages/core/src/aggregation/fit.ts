import {canonicalJson, HarnessError} from '@accrete/kit';
import type {Computation, SiteShape} from '../modules/module.ts';
import type {ModuleAtSite, Scoring} from './aggregator.ts';

/** A refusal of modules that are not as wide as the base. @param aggregation for the message, such as `a sum` */
export function needsWidthOfBase(aggregation: string, site: SiteShape, computation: Computation): string | null {
  const width = computation.width(site);
  return width === site.units
    ? null
    : `${aggregation} needs modules as wide as the base (${site.units} units), got ${width}`;
}

/** A refusal of modules that put out more positions than the base. @param aggregation for the message, such as `a fusion` */
export function needsLengthOfBase(aggregation: string, {lengthens}: Computation): string | null {
  return lengthens
    ? `${aggregation} adds to the positions of the base, and these modules put others in front of them`
    : null;
}

/** A refusal of scores by position for modules that put out more positions than were scored. */
export function needsScoredPositions({level}: Pick<Scoring, 'level'>, {lengthens}: Computation): string | null {
  return lengthens && level === 'token' ? 'these modules put out positions that the router has not scored' : null;
}

/** True for a router that takes modules wholly or not at all, whatever the example. */
export function takesWholly({level, scores}: Scoring): boolean {
  return scores === 'fixed' && level === 'task';
}

/** A refusal of heads among which features cannot be shared out evenly. @param features that are shared out, for the message too */
export function needsWholeGroups({heads = 1}: Pick<Scoring, 'heads'>, features: number, what: string): string | null {
  return features % heads === 0 ? null : `${heads} heads cannot share ${features} ${what} out evenly`;
}

/**
 * @param why ends the sentence on why one kind is needed.
 * @throws HarnessError E_COMBINATION where modules are not of one computation.
 */
export function requireOneComputation(modules: readonly ModuleAtSite[], why: string): void {
  const configs = new Set(modules.map(({site}) => canonicalJson(site.computation)));
  if (configs.size <= 1) return;
  throw new HarnessError(
    'E_COMBINATION',
    `${why} needs modules of one computation, got ${[...configs].join(' and ')}. Use another aggregation.`,
  );
}
