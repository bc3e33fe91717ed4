import {HarnessError, type SeedStream} from '@accrete/kit';
import {computations} from '../modules/registry.ts';
import {countWeights, hashBelow, type Parameters} from '../parameters/parameters.ts';
import {allModules, type ModuleSpec, type Topology} from './topology.ts';

/** A network is data: a topology and parameters by path. Surgery and training return new networks. */
export interface Network {
  readonly topology: Topology;
  readonly parameters: Parameters;
}

/**
 * Fresh parameters of a module, by their full paths. Each draws from the stream `seeds/<path>`, so that two modules
 * of one shape start differently, and a module starts the same whatever came before it.
 */
export function initialParameters(module: ModuleSpec, seeds: SeedStream): Parameters {
  const specs = computations.parse(module.computation).parameters(module);
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const path = `${module.id}/${name}`;
      return [path, spec.initializer.fill(spec.shape, spec, seeds.fork(path))];
    }),
  );
}

/** Content hashes of the frozen modules, by id. */
export function frozenHashes(network: Network): Readonly<Record<string, string>> {
  const frozen = allModules(network.topology).filter((module) => module.frozen);
  return Object.fromEntries(frozen.map(({id}) => [id, hashBelow(network.parameters, id)]));
}

/**
 * Checks that a network's parameters are exactly those that its topology asks for.
 *
 * @throws HarnessError E_SHAPE listing everything that is missing, extra or misshapen.
 */
export function validateNetwork({topology, parameters}: Network): void {
  const wanted = new Map<string, readonly number[]>();
  for (const module of allModules(topology)) {
    for (const [name, spec] of Object.entries(computations.parse(module.computation).parameters(module))) {
      wanted.set(`${module.id}/${name}`, spec.shape);
    }
  }
  const shape = (s: readonly number[]): string => `[${s.join(', ')}]`;
  const problems = [
    ...[...wanted].flatMap(([path, expected]) => {
      const found = parameters[path];
      if (!found) return [`${path}: missing, expected ${shape(expected)}`];
      return shape(found.shape) === shape(expected)
        ? []
        : [`${path}: expected ${shape(expected)}, got ${shape(found.shape)}`];
    }),
    ...Object.keys(parameters)
      .filter((path) => !wanted.has(path))
      .map((path) => `${path}: no module of the topology owns it`),
  ];
  if (problems.length > 0) {
    throw new HarnessError('E_SHAPE', `parameters do not fit the topology:\n  ${problems.join('\n  ')}`, {problems});
  }
}

/** Number of weights in a network, frozen ones included. */
export function networkSize(network: Network): number {
  return countWeights(network.parameters);
}
