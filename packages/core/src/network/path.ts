import type {ParsedConfig} from '@accrete/kit';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import type {ParameterPath} from '../parameters/parameters.ts';
import {routers} from '../routing/registry.ts';
import type {Activation, InputSpec, ModuleSpec, Segment, Topology} from './topology.ts';

/** One module on a path, without its name: what decides the compiled program. */
export interface PathModule {
  readonly computation: ParsedConfig;
  readonly inputs: number;
  readonly units: number;
}

/** One site on a path. */
export interface PathSite {
  readonly base: PathModule;
  readonly modules: readonly PathModule[];
  readonly routing: ParsedConfig;
  readonly aggregation: ParsedConfig;
  readonly activation: Activation;
}

/**
 * The part of a network that one task uses, described without module names. Two tasks whose paths are described alike share
 * compiled programs; only the parameters that are bound to them differ.
 */
export interface PathSpec {
  readonly input: InputSpec;
  readonly sites: readonly PathSite[];
  /** Logits of the segments, side by side. */
  readonly segments: readonly PathModule[];
}

/** A path and what is bound to it. */
export interface Path {
  readonly spec: PathSpec;
  /** Local parameter name, such as `site0/module:0/down`, to the parameter's path in the network. */
  readonly bind: Readonly<Record<string, ParameterPath>>;
  /** Local parameter name to the module that owns it. */
  readonly owner: Readonly<Record<string, ModuleSpec>>;
  /** Ids of the modules on the path, head segments included. */
  readonly modules: readonly string[];
  readonly segments: readonly Segment[];
  /** The class label of each logit. */
  readonly classes: readonly number[];
}

/**
 * The path of a task through a network: the base and the active modules of every site, and the given head segments.
 *
 * @param task index of the task whose modules are to be active.
 * @param segments the segments whose logits are wanted; see `segmentsFor`.
 */
export function pathOf(topology: Topology, task: number, segments: readonly Segment[]): Path {
  const bind: Record<string, ParameterPath> = {};
  const owner: Record<string, ModuleSpec> = {};
  const modules: string[] = [];
  const take = (module: ModuleSpec, local: string): PathModule => {
    for (const name of Object.keys(computations.parse(module.computation).parameters(module))) {
      bind[`${local}/${name}`] = `${module.id}/${name}`;
      owner[`${local}/${name}`] = module;
    }
    modules.push(module.id);
    return {computation: module.computation, inputs: module.inputs, units: module.units};
  };
  const sites = topology.sites.map((site, i): PathSite => {
    const active = routers.parse(site.routing).active(site.modules, task);
    return {
      base: take(site.base, `site${i}/base`),
      modules: active.map((module, j) => take(module, `site${i}/module:${j}`)),
      routing: site.routing,
      aggregation: site.aggregation,
      activation: site.activation,
    };
  });
  return {
    spec: {input: topology.input, sites, segments: segments.map((segment, k) => take(segment, `head/segment:${k}`))},
    bind,
    owner,
    modules,
    segments,
    classes: segments.flatMap((segment) => segment.classes),
  };
}

/** The head segments that answer for a task: its own where the head is per task, all that there are otherwise. */
export function segmentsFor(topology: Topology, task: number): readonly Segment[] {
  const {kind, segments} = topology.head;
  return kind === 'per-task' ? segments.filter((segment) => segment.task === task) : segments;
}

/** Units that reach the head on a task's path. */
export function headInputs(topology: Topology, task: number): number {
  return widthAfter(topology, task, topology.sites.length);
}

/** Features that reach site `index` on a task's path; with the number of sites as index, those that reach the head. */
export function widthAfter(topology: Topology, task: number, index: number): number {
  if (index === 0) return topology.input.features;
  const site = topology.sites[index - 1]!;
  const widths = routers
    .parse(site.routing)
    .active(site.modules, task)
    .map((module) => computations.parse(module.computation).width(module));
  return aggregators.parse(site.aggregation).width(site.base.units, widths);
}
