import type {ParsedConfig} from '@accrete/kit';
import {aggregators} from '../aggregation/registry.ts';
import type {SiteShape} from '../modules/module.ts';
import {computations} from '../modules/registry.ts';
import {routers} from '../routing/registry.ts';

/** A computation, a router and an aggregator that are to work together at a site. */
export interface SiteParts {
  readonly computation: ParsedConfig;
  readonly routing: ParsedConfig;
  readonly aggregation: ParsedConfig;
}

/** Why a computation, a router and an aggregator cannot work together at a site, as the end of a sentence; null where they can. */
export function refusalOf(parts: SiteParts, site: SiteShape): string | null {
  const computation = computations.parse(parts.computation);
  const aggregator = aggregators.parse(parts.aggregation);
  const router = routers.parse(parts.routing);
  const own = computation.refusal?.(site) ?? aggregator.refusal(site, computation);
  if (own !== null) return own;
  if ((router.heads ?? 1) > 1 && !aggregator.takesHeads) {
    return `${parts.aggregation.kind} gives a module one score for all features, and ${parts.routing.kind} has ${router.heads} heads`;
  }
  return aggregator.refusalOfScores?.(router, site, computation) ?? null;
}
