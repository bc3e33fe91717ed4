import type {Engine} from '@accrete/engine';
import {HarnessError, type HostArray} from '@accrete/kit';
import {takesWholly} from '../aggregation/fit.ts';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import type {Network} from '../network/network.ts';
import {withParameters} from '../network/surgery.ts';
import type {Site} from '../network/topology.ts';
import {below, hashBelow, type Parameters} from '../parameters/parameters.ts';
import {routers} from '../routing/registry.ts';
import {moduleAt} from './artefact.ts';
import {detachModules} from './detach.ts';

/** What unmerging needs: a site as it was, with everything it owned. */
export interface BeforeMerge {
  readonly site: Site;
  readonly parameters: Parameters;
  /** Content hash of the base that the merge made. */
  readonly mergedBase: string;
}

/**
 * Merges a module into its base: theta becomes theta (+) phi, and the module is gone, at no cost of running it. From then on every
 * task's path has it. The arithmetic is the computation's own `compose`, run as a program: outputs stay within float32 rounding
 * (|difference| about 1e-6 of the largest term), not bit for bit, because sums are taken in another order.
 *
 * @throws HarnessError E_UNKNOWN where there is no such module; E_COMBINATION where its computation does not compose with
 *   parameters, where it shares the site with others, or where routing or aggregation make something else of it than f'(h; theta, phi).
 */
export async function mergeModule(
  engine: Engine,
  network: Network,
  id: string,
): Promise<{readonly network: Network; readonly before: BeforeMerge}> {
  const {site, module} = moduleAt(network.topology, id);
  const compose = computations.parse(module.computation).compose;
  const refusal = compose ? refusalOfMerge(site) : `${module.computation.kind} does not compose with parameters`;
  if (!compose || refusal !== null) throw new HarnessError('E_COMBINATION', `cannot merge ${id}: ${refusal}.`, {id});
  const theta = below(network.parameters, site.base.id);
  const phi = below(network.parameters, id);
  const inputs = {...prefixed('theta/', theta), ...prefixed('phi/', phi)};
  const program = await engine.compile(
    (given) => compose(stripped('theta/', given), stripped('phi/', given), module),
    inputs,
    {name: 'merge'},
  );
  try {
    const buffers = Object.fromEntries(
      Object.keys(program.inputs).map((name) => [name, engine.upload(inputs[name]!)] as const),
    );
    try {
      const outputs = await program.run(buffers);
      const read = Object.entries(outputs).map(async ([name, buffer]) => {
        const array = await buffer.read();
        buffer.dispose();
        return [`${site.base.id}/${name}`, array as HostArray<'float32'>] as const;
      });
      const composed = withParameters(detachModules(network, [id]), Object.fromEntries(await Promise.all(read)));
      const owned = Object.entries(network.parameters).filter(([path]) => path.startsWith(`${site.id}/`));
      const mergedBase = hashBelow(composed.parameters, site.base.id);
      return {network: composed, before: {site, parameters: Object.fromEntries(owned), mergedBase}};
    } finally {
      for (const buffer of Object.values(buffers)) buffer.dispose();
    }
  } finally {
    program.dispose();
  }
}

/**
 * The network before a merge at that site, bit for bit: base and module were kept.
 *
 * @throws HarnessError E_COMBINATION where the site has changed since, which unmerging would throw away.
 */
export function unmergeModule(network: Network, {site, parameters, mergedBase}: BeforeMerge): Network {
  const {topology} = network;
  const now = topology.sites.find(({id}) => id === site.id);
  if (!now || now.modules.length > 0 || hashBelow(network.parameters, site.base.id) !== mergedBase) {
    throw new HarnessError(
      'E_COMBINATION',
      `${site.id} has changed since the merge. Unmerge the network as it was then.`,
    );
  }
  const sites = topology.sites.map((other) => (other.id === site.id ? site : other));
  return {topology: {...topology, sites}, parameters: {...network.parameters, ...parameters}};
}

/** Why the only module of a site is not simply f'(h; theta, phi) there; null where it is. */
function refusalOfMerge({id, modules, routing, aggregation, supports}: Site): string | null {
  if (modules.length > 1) return `${id} has other modules, which stand beside the base as it is`;
  if (!takesWholly(routers.parse(routing))) return `${routing.kind} weighs it anew for every input`;
  const {level, widens} = aggregators.parse(aggregation);
  const learned = supports.some(({role}) => role === 'aggregator');
  const instead = (level === 'representation' || level === 'parameter') && !widens && !learned;
  return instead ? null : `${aggregation.kind} does not put it in the place of the base`;
}

function prefixed(prefix: string, parameters: Parameters): Record<string, HostArray<'float32'>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, array]) => [`${prefix}${name}`, array]));
}

function stripped<T>(prefix: string, given: Readonly<Record<string, T>>): Record<string, T> {
  const own = Object.entries(given).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
