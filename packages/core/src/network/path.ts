import type {ParsedConfig} from '@accrete/kit';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import type {ParameterPath} from '../parameters/parameters.ts';
import {routers} from '../routing/registry.ts';
import {deciderOf, requireSameModules} from './global-routing.ts';
import {parametersOf} from './network.ts';
import type {Activation, InputSpec, ModuleSpec, Owner, Segment, Site, SupportSpec, Topology} from './topology.ts';

/** One module on a path, without its name: what decides the compiled program. */
export interface PathModule {
  readonly computation: ParsedConfig;
  readonly inputs: number;
  readonly units: number;
  readonly beside: ParsedConfig | null;
}

/** One site on a path. */
export interface PathSite {
  readonly id: string;
  readonly base: PathModule;
  readonly modules: readonly PathModule[];
  /** Which module may take part for which of the path's tasks, tasks x modules. */
  readonly membership: readonly (readonly boolean[])[];
  /** Which module is a task's own, tasks x modules; null where the router does not read it. */
  readonly own: readonly (readonly boolean[])[] | null;
  /** Id of the site whose router decides here as well; null where the site's own does. */
  readonly decidedAt: string | null;
  readonly routing: ParsedConfig;
  readonly aggregation: ParsedConfig;
  readonly activation: Activation;
}

/**
 * The part of a network that one task uses (or several tasks together), described without module names. Two tasks whose paths
 * are described alike share compiled programs; only the parameters that are bound to them differ.
 */
export interface PathSpec {
  readonly architecture: ParsedConfig;
  readonly input: InputSpec;
  readonly sites: readonly PathSite[];
  /** Logits of the segments, side by side. */
  readonly segments: readonly PathModule[];
}

/** A path and what is bound to it. */
export interface Path {
  readonly spec: PathSpec;
  /** The tasks that it serves; a row's place among them is what `Context.tasks` holds. */
  readonly tasks: readonly number[];
  /** Local parameter name, such as `site0/module:0/down`, to the parameter's path in the network. */
  readonly bind: Readonly<Record<string, ParameterPath>>;
  /** Local parameter name to its owner. */
  readonly owner: Readonly<Record<string, Owner>>;
  /** Local names of buffers: parameters that the forward pass itself keeps up to date. */
  readonly buffers: readonly string[];
  /** Ids of the modules on the path, head segments included. */
  readonly modules: readonly string[];
  readonly segments: readonly Segment[];
  /** The class label of each logit. */
  readonly classes: readonly number[];
}

/**
 * The path of a task through a network: the base and the active modules of every site, what routers and aggregators need for
 * them, and the given head segments.
 *
 * @param tasks index of the task whose modules are to be active, or of several whose examples a batch may mix.
 * @param segments the segments whose logits are wanted; see `segmentsFor`.
 * @throws HarnessError E_COMBINATION where one router decides for all sites and they do not have the same modules.
 */
export function pathOf(topology: Topology, tasks: number | readonly number[], segments: readonly Segment[]): Path {
  const served = typeof tasks === 'number' ? [tasks] : tasks;
  const bind: Record<string, ParameterPath> = {};
  const owners: Record<string, Owner> = {};
  const buffers: string[] = [];
  const modules: string[] = [];
  const own = (owner: Owner, local: string): void => {
    for (const [name, {buffer}] of Object.entries(parametersOf(owner))) {
      bind[`${local}/${name}`] = `${owner.id}/${name}`;
      owners[`${local}/${name}`] = owner;
      if (buffer) buffers.push(`${local}/${name}`);
    }
  };
  const take = (module: ModuleSpec, local: string): PathModule => {
    own(module, local);
    modules.push(module.id);
    return {computation: module.computation, inputs: module.inputs, units: module.units, beside: module.beside};
  };
  const sites = topology.sites.map((site, i): PathSite => {
    const chosen = served.map((task) => new Set(activeAt(topology, site, task)));
    const active = site.modules.filter((module) => chosen.some((set) => set.has(module)));
    const router = routers.parse(site.routing);
    const decider = deciderOf(topology, site, router);
    if (decider !== site && active.length > 0) requireSameModules(site, decider);
    const spec = {
      id: site.id,
      base: take(site.base, `site${i}/base`),
      modules: active.map((module, j) => take(module, `site${i}/module:${j}`)),
      membership: chosen.map((set) => active.map((module) => set.has(module))),
      own: router.readsOwn ? served.map((task) => active.map((module) => isOwn(site, module, task))) : null,
      decidedAt: decider === site || active.length === 0 ? null : decider.id,
      routing: site.routing,
      aggregation: site.aggregation,
      activation: site.activation,
    };
    if (active.length > 0) {
      for (const support of site.supports) {
        const local = supportLocal(support, active, served);
        if (local !== null) own(support, `site${i}/${local}`);
      }
    }
    return spec;
  });
  return {
    spec: {
      architecture: topology.architecture,
      input: topology.input,
      sites,
      segments: segments.map((segment, k) => take(segment, `head/segment:${k}`)),
    },
    tasks: served,
    bind,
    owner: owners,
    buffers,
    modules,
    segments,
    classes: segments.flatMap((segment) => segment.classes),
  };
}

/** Id of the gate of a module, for one task where gates are per task. @param site where the router is; the module may stand at another */
export function gateId(site: string, module: string, task: number | null): string {
  return `${site}/gate${task === null ? '' : `:${task}`}/${module.slice(module.lastIndexOf('/module:') + 1)}`;
}

/** The modules that a site's router chooses for a task. One without a gate that it needs takes no part. */
function activeAt(topology: Topology, site: Site, task: number): readonly ModuleSpec[] {
  const router = routers.parse(site.routing);
  const active = router.active(site.modules, task);
  if (router.gate === undefined) return active;
  const decider = deciderOf(topology, site, router);
  const gates = new Set(decider.supports.map(({id}) => id));
  return active.filter((module) => gates.has(gateId(decider.id, module.id, router.gatePerTask ? task : null)));
}

/** True for modules that a task brought; of those that were there from the start, the first is the first task's, and so on. */
function isOwn({modules}: Site, module: ModuleSpec, task: number): boolean {
  if (module.task !== null) return module.task === task;
  return modules.filter((other) => other.task === null).indexOf(module) === task;
}

/** Where what a support owns goes on a path; null where the path does not use it. */
function supportLocal(
  {role, id, config}: SupportSpec,
  active: readonly ModuleSpec[],
  tasks: readonly number[],
): string | null {
  if (role === 'router' || role === 'aggregator') return role;
  if (role === 'shared')
    return active.some((module) => module.computation.kind === config.kind) ? `shared:${config.kind}` : null;
  const site = active[0]!.id.slice(0, active[0]!.id.lastIndexOf('/'));
  const {gatePerTask} = routers.parse(config);
  for (const [k, task] of gatePerTask ? tasks.entries() : [[0, null] as const]) {
    const j = active.findIndex((module) => gateId(site, module.id, task) === id);
    if (j >= 0) return `gate:${k}:${j}`;
  }
  return null;
}

/** The head segments that answer for a task: its own where the head is per task, all that there are otherwise. */
export function segmentsFor(topology: Topology, task: number): readonly Segment[] {
  const {kind, segments} = topology.head;
  return kind === 'per-task' ? segments.filter((segment) => segment.task === task) : segments;
}

/** Units that reach the head on a task's path. */
export function headInputs(topology: Topology, task: number): number {
  return topology.chain ? widthAfter(topology, task, topology.sites.length) : topology.features;
}

/** Features that reach site `index` on a task's path; with the number of sites as index, those that reach the head. */
export function widthAfter(topology: Topology, task: number, index: number): number {
  if (!topology.chain) return topology.sites[index]?.base.inputs ?? topology.features;
  if (index === 0) return topology.sites[0]!.base.inputs;
  const site = topology.sites[index - 1]!;
  const widths = activeAt(topology, site, task).map((module) => computations.parse(module.computation).width(module));
  return aggregators.parse(site.aggregation).width(site.base.units, widths);
}
