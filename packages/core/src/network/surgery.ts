import {HarnessError, type ParsedConfig, type SeedStream} from '@accrete/kit';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import {countWeights, type Parameters} from '../parameters/parameters.ts';
import {initialParameters, type Network} from './network.ts';
import {headInputs, widthAfter} from './path.ts';
import {allModules, type ModuleSpec, type Segment, type Site, type Topology} from './topology.ts';

/** A network after growth, and what came. */
export interface Grown {
  readonly network: Network;
  readonly added: readonly string[];
  readonly parametersAdded: number;
}

/**
 * A new module for a task at every site.
 *
 * @param computation config of the module, the same at each site; its width is checked against the site's aggregation.
 * @param seeds the new parameters draw from `seeds/<their path>`.
 * @throws HarnessError E_DUPLICATE where the task has a module at a site; E_COMBINATION where one cannot stand there, or a later
 *   task has one there: the features that a module reads are those that were there before it.
 */
export function growModules(network: Network, task: number, computation: ParsedConfig, seeds: SeedStream): Grown {
  const made = computations.parse(computation);
  const added: ModuleSpec[] = [];
  let topology = network.topology;
  topology.sites.forEach((site, index) => {
    const id = `${site.id}/module:${task}`;
    if (site.modules.some((module) => module.id === id)) {
      throw new HarnessError('E_DUPLICATE', `${id} exists already. A task brings one module per site.`);
    }
    const later = site.modules.find((module) => module.task !== null && module.task > task);
    if (later)
      throw new HarnessError('E_COMBINATION', `${id} cannot come after ${later.id}: grow in the order of tasks.`);
    const module: ModuleSpec = {
      id,
      computation,
      inputs: widthAfter(topology, task, index),
      units: site.base.units,
      task,
      frozen: false,
    };
    const refusal = aggregators.parse(site.aggregation).refusal(site.base.units, made.width(module));
    if (refusal !== null) throw new HarnessError('E_COMBINATION', `${id}: ${refusal}.`, {site: site.id});
    added.push(module);
    topology = withSite(topology, index, {...site, modules: [...site.modules, module]});
  });
  return grown(network, topology, added, seeds);
}

/** The head's segment for a task: logits of its classes. A `single` head has them from the start and is left as it is. */
export function growHead(network: Network, task: number, classes: readonly number[], seeds: SeedStream): Grown {
  const {head} = network.topology;
  if (head.kind === 'single') return {network, added: [], parametersAdded: 0};
  const inputs = headInputs(network.topology, task);
  // All logits of a growing head come from one hidden state, so every segment reads what the base puts out.
  const shared = head.kind === 'growing' ? network.topology.sites.at(-1)!.base.units : inputs;
  const segment: Segment = {
    id: `head/segment:${task}`,
    computation: head.computation,
    inputs: shared,
    units: classes.length,
    task,
    frozen: false,
    classes: [...classes],
  };
  if (head.segments.some(({id}) => id === segment.id)) {
    throw new HarnessError('E_DUPLICATE', `${segment.id} exists already. A task brings one segment.`);
  }
  const topology = {...network.topology, head: {...head, segments: [...head.segments, segment]}};
  return grown(network, topology, [segment], seeds);
}

/** The same network with the modules that `which` names frozen. Parameters are shared, not copied. */
export function freeze(
  network: Network,
  which: (module: ModuleSpec) => boolean,
): {network: Network; frozen: readonly string[]} {
  const frozen = allModules(network.topology)
    .filter((module) => !module.frozen && which(module))
    .map(({id}) => id);
  if (frozen.length === 0) return {network, frozen};
  const names = new Set(frozen);
  const mark = <M extends ModuleSpec>(module: M): M => (names.has(module.id) ? {...module, frozen: true} : module);
  return {network: {...network, topology: mapModules(network.topology, mark)}, frozen};
}

/**
 * The same network with fresh parameters in the modules that `which` names.
 *
 * @throws HarnessError E_FROZEN where one of them is frozen.
 */
export function reinitialise(network: Network, which: (module: ModuleSpec) => boolean, seeds: SeedStream): Network {
  const chosen = allModules(network.topology).filter(which);
  const frozen = chosen.filter((module) => module.frozen).map(({id}) => id);
  if (frozen.length > 0)
    throw new HarnessError('E_FROZEN', `cannot re-initialise frozen modules: ${frozen.join(', ')}.`);
  return withParameters(network, Object.assign({}, ...chosen.map((module) => initialParameters(module, seeds))));
}

/** The same network with some parameters replaced. @throws HarnessError E_UNKNOWN for a path the network does not have. */
export function withParameters(network: Network, replaced: Parameters): Network {
  const unknown = Object.keys(replaced).filter((path) => !Object.hasOwn(network.parameters, path));
  if (unknown.length > 0) throw new HarnessError('E_UNKNOWN', `no such parameters: ${unknown.join(', ')}.`, {unknown});
  return {...network, parameters: {...network.parameters, ...replaced}};
}

function grown(network: Network, topology: Topology, added: readonly ModuleSpec[], seeds: SeedStream): Grown {
  const fresh: Parameters = Object.assign({}, ...added.map((module) => initialParameters(module, seeds)));
  return {
    network: {topology, parameters: {...network.parameters, ...fresh}},
    added: added.map(({id}) => id),
    parametersAdded: countWeights(fresh),
  };
}

function withSite(topology: Topology, index: number, site: Site): Topology {
  return {...topology, sites: topology.sites.map((other, i) => (i === index ? site : other))};
}

function mapModules(topology: Topology, mark: <M extends ModuleSpec>(module: M) => M): Topology {
  return {
    ...topology,
    sites: topology.sites.map((site) => ({...site, base: mark(site.base), modules: site.modules.map(mark)})),
    head: {...topology.head, segments: topology.head.segments.map(mark)},
  };
}
