import {canonicalJson, HarnessError} from '@accrete/kit';
import {routers} from '../routing/registry.ts';
import type {Router} from '../routing/router.ts';
import type {Site, Topology} from './topology.ts';

/**
 * The site whose router decides at a site: itself, or where routing is global, the first one of its routing where modules stand.
 *
 * @param router of the site.
 */
export function deciderOf(
  {sites}: Pick<Topology, 'sites'>,
  site: Site,
  router: Router = routers.parse(site.routing),
): Site {
  if (!router.global) return site;
  const routing = canonicalJson(site.routing);
  return sites.find((other) => other.modules.length > 0 && canonicalJson(other.routing) === routing) ?? site;
}

/** @throws HarnessError E_COMBINATION where a site has other modules than the one whose router decides there. */
export function requireSameModules(site: Site, decider: Site): void {
  const [here, there] = [site, decider].map(({id, modules}) =>
    modules.map((module) => `${module.id.slice(id.length + 1)} of task ${module.task ?? 'none'}`).join(', '),
  );
  if (here === there) return;
  throw new HarnessError(
    'E_COMBINATION',
    `one router decides for all sites, so all need the same modules: ${decider.id} has ${there}; ${site.id} has ${here}. Let modules come to and leave all of them together.`,
    {site: site.id, decider: decider.id},
  );
}
