import type {Network, ParameterPath} from '@accrete/core';
import {HarnessError, type HostArray, hostArray} from '@accrete/kit';
import type {TaskData} from '../data/examples.ts';
import type {Compute} from '../training/fit.ts';
import {type Elementwise, familyOf, noBase} from './array-family.ts';

/** What is merged. */
export interface MergeInputs {
  /** The network that the others were made from; null for methods that need none. */
  readonly base: Network | null;
  readonly networks: readonly Network[];
  /** Examples, for methods that look at data: of what each network does in the order of the networks, or of what is wanted. */
  readonly data: readonly TaskData[];
}

/** Makes one network of several. */
export interface Merger {
  readonly needsBase: boolean;
  /** Whose data it looks at: nobody's, each network's own, or any. */
  readonly needsData: 'none' | 'each' | 'any';
  /**
   * @returns a new network with the topology of the first; those given are left as they are. Inputs are validated by `mergeNetworks`.
   */
  merge(inputs: MergeInputs, compute: Compute): Promise<Network>;
  /** The same array by array, where every number depends on numbers at its place alone: for files that are larger than memory. */
  readonly elementwise?: Elementwise;
}

/**
 * Validates the inputs of a merge whole, then merges.
 *
 * @throws HarnessError E_COMBINATION where a base, data or a network is missing; E_SHAPE listing every parameter that not all
 *   networks have in one shape; E_NON_FINITE naming every parameter with weights that are no numbers. Nothing is left out silently.
 */
export async function mergeNetworks(merger: Merger, inputs: MergeInputs, compute: Compute): Promise<Network> {
  const {base, networks, data} = inputs;
  const needs = (problem: string): never => {
    throw new HarnessError('E_COMBINATION', `cannot merge: ${problem}.`);
  };
  if (networks.length === 0) needs('expected one network or more, got none');
  if (merger.needsBase && !base) needs('the method works on changes from a base, and none is given');
  if (merger.needsData === 'any' && data.length === 0) needs('the method looks at data, and none is given');
  if (merger.needsData === 'each' && data.length !== networks.length)
    needs(`the method looks at data of every network, expected ${networks.length} tasks, got ${data.length}`);
  const all = base ? [base, ...networks] : networks;
  const names = all.map((_, i) => (base ? (i === 0 ? 'the base' : `network ${i - 1}`) : `network ${i}`));
  const [first] = all as [Network];
  const problems = all.flatMap((network, i) => differences(first, network).map((problem) => `${names[i]}: ${problem}`));
  if (problems.length > 0)
    throw new HarnessError('E_SHAPE', `the networks do not fit together:\n  ${problems.join('\n  ')}`, {problems});
  const wild = all.flatMap((network, i) =>
    Object.keys(network.parameters)
      .filter((path) => !allFinite(network.parameters[path]!.data))
      .map((path) => `${names[i]}: ${path}`),
  );
  if (wild.length > 0)
    throw new HarnessError('E_NON_FINITE', `weights that are no numbers:\n  ${wild.join('\n  ')}`, {wild});
  return merger.merge(inputs, compute);
}

/** A merger of numbers at one place, which looks at no data. */
export function elementwiseMerger(needsBase: boolean, elementwise: Elementwise): Merger {
  return {
    needsBase,
    needsData: 'none',
    elementwise,
    merge: async ({base, networks}) => {
      const template = needsBase && base ? base : networks[0]!;
      const parameters: Record<ParameterPath, HostArray<'float32'>> = {...template.parameters};
      elementwise(familyOf(base, networks), (name, data) => {
        parameters[name] = hostArray(data, template.parameters[name]!.shape, 'float32');
      });
      return {...template, parameters};
    },
  };
}

/** Whether every number is one. A loop: `every` calls a function for each of what may be a hundred million weights. */
export function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return false;
  return true;
}

function differences(first: Network, other: Network): string[] {
  if (first === other) return [];
  const paths = new Set([...Object.keys(first.parameters), ...Object.keys(other.parameters)]);
  return [...paths].flatMap((path) => {
    const [a, b] = [first.parameters[path], other.parameters[path]];
    if (!b) return [`${path} is missing`];
    if (!a) return [`${path} is extra`];
    return a.shape.join() === b.shape.join()
      ? []
      : [`${path} is [${b.shape.join(', ')}], expected [${a.shape.join(', ')}]`];
  });
}

/** A network with every parameter made from the same parameter of others, one at a time. */
export function mapParameters(
  template: Network,
  change: (path: ParameterPath, array: HostArray<'float32'>) => Float32Array,
): Network {
  const parameters = Object.entries(template.parameters).map(
    ([path, array]) => [path, hostArray(change(path, array), array.shape, 'float32')] as const,
  );
  return {...template, parameters: Object.fromEntries(parameters)};
}

/** The base of inputs that have been validated. */
export function baseIn({base}: MergeInputs): Network {
  return base ?? noBase();
}
