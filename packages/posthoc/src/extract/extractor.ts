import type {Network, ParameterPath} from '@accrete/core';
import type {ParsedConfig} from '@accrete/kit';
import type {TaskData} from '../data/examples.ts';
import {baseOf, type Part, type Partition, type Plan} from '../plan/plan.ts';
import type {Compute} from '../training/fit.ts';

/** What an analysis may use beside the network and the data. */
export interface Analysis extends Compute {
  /** The network after it was trained on the task, for methods that describe that change; made by fine-tuning where absent. */
  readonly tuned?: Network;
  /** What training restarts from, for methods that rewind; the network itself where absent. */
  readonly origin?: Network;
}

/** Finds the module of a network that does a task. */
export interface Extractor {
  /** What comes out: a mask alone, changed weights, or groups of units. */
  readonly gives: 'mask' | 'delta' | 'partition';
  /**
   * @returns a plan; the network is left as it is.
   * @throws HarnessError E_COMBINATION for networks and tasks that the method cannot take.
   */
  analyse(network: Network, data: TaskData, analysis: Analysis): Promise<Plan>;
  /**
   * The plans of `analyse` at several densities from one training, the same to the bit. There only where the density says how much of
   * what was learned is kept, and has no part in the learning.
   */
  sweep?(network: Network, data: TaskData, analysis: Analysis, densities: readonly number[]): Promise<readonly Plan[]>;
}

/** A plan of parts and partitions, with what it was made of. */
export function planOf(
  method: ParsedConfig,
  network: Network,
  data: TaskData,
  {seeds}: Analysis,
  found: {
    readonly parts?: Readonly<Record<ParameterPath, Part>>;
    readonly partitions?: readonly Partition[];
    readonly examples?: number;
    readonly steps?: number;
  },
): Plan {
  const {parts = {}, partitions = [], examples = 0, steps = 0} = found;
  const paths = [...Object.keys(parts), ...partitions.map(({kernel}) => kernel)];
  return {
    method,
    base: baseOf(network, paths),
    provenance: {
      task: data.name,
      path: data.task,
      classes: data.classes,
      among: data.among,
      seed: seeds.seed,
      examples,
      steps,
    },
    parts,
    partitions,
  };
}
