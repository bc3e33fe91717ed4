import {stopGradient} from '@accrete/engine';
import {HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {activate} from '../modules/activation.ts';
import {type Context, evaluation, type ModuleTensors} from '../modules/module.ts';
import {routers} from '../routing/registry.ts';
import type {StageCall} from './architectures/architecture.ts';
import {architectures} from './architectures/registry.ts';
import {dropout} from './dropout.ts';
import type {Path, PathModule, PathSite, PathSpec} from './path.ts';
import {baseOf, once, type Pass, runSite, type SiteResult} from './site.ts';
import type {InputSpec, Owner} from './topology.ts';

/** Parameters of a path as tensors, by local name. */
export type PathTensors = Readonly<Record<string, tf.Tensor>>;

/** Where a pass begins, if not at the input. */
export interface Start {
  /** What is not computed again. */
  readonly settled: Settled;
  /** What it gives, by the names of `settledValues`. */
  readonly values: PathTensors;
}

/** What of a path puts out the same for an example every time. */
export interface Settled {
  /** Leading stages that do so as a whole. */
  readonly stages: number;
  /** Sites of the next stage that do so, in the order in which it runs them. */
  readonly sites: readonly string[];
  /** Sites of that stage of which the base alone does so. */
  readonly bases: readonly string[];
  /** True where routers read the query, which is settled as all bases are. */
  readonly query: boolean;
}

const nothingSettled: Settled = {stages: 0, sites: [], bases: [], query: false};

/**
 * The part of a path that puts out the same for an example every time. A site that holds something that is not settled, or whose
 * router decides for all sites, is no part of it, but its base may be, and so may sites after it that it does not reach (keys and
 * values beside a query). It ends at the first site of which nothing is settled. None of a path of several tasks, whose rows may
 * differ by task, nor where routers read the query and a base is not settled.
 *
 * @param settled whether an owner's parameters stay as they are. @param local the owner's local name, such as `site0/base`
 */
export function settledPart(path: Path, settled: (owner: Owner, local: string) => boolean): Settled {
  if (path.tasks.length > 1) return nothingSettled;
  const moving = new Set(
    Object.entries(path.owner)
      .map(([local, owner]) => [local.slice(0, local.lastIndexOf('/')), owner] as const)
      .filter(([local, owner]) => !settled(owner, local))
      .map(([local]) => local),
  );
  const query = path.spec.sites.some(readsQuery);
  const isBase = (local: string): boolean => /^site\d+\/base$/.test(local);
  if (query && [...moving].some(isBase)) return nothingSettled;
  const restless = new Set(
    path.spec.sites.filter((_, i) => [...moving].some((local) => local.startsWith(`site${i}/`))).map(({id}) => id),
  );
  // What a router decides for sites that come later is not kept with what it puts out.
  for (const {id, decidedAt} of path.spec.sites) if (decidedAt !== null) restless.add(decidedAt).add(id);
  const all = stagesOf(path.spec);
  const stages = all.findIndex(({sites}) => sites.some((id) => restless.has(id)));
  if (stages < 0) return {stages: all.length, sites: [], bases: [], query};
  const {repeats = false, ...stage} = all[stages]!;
  if (repeats) return {stages, sites: [], bases: [], query};
  const places = placesOf(path.spec);
  const [sites, bases]: [string[], string[]] = [[], []];
  for (const id of stage.sites) {
    const reached = bases.some((other) => !stage.apart?.[id]?.includes(other));
    if (reached || (restless.has(id) && moving.has(`site${places.get(id)!}/base`))) break;
    (restless.has(id) ? bases : sites).push(id);
  }
  return {stages, sites, bases, query};
}

/**
 * Names of what a settled part gives: `state` for what its last stage puts out, a site's id for what that puts out, non-linearity
 * included, a base's id for what the base alone puts out, and `query`.
 */
export function settledValues({stages, sites, bases, query}: Settled): readonly string[] {
  const named = {state: stages > 0, query};
  return [
    ...Object.entries(named).flatMap(([name, there]) => (there ? [name] : [])),
    ...sites,
    ...bases.map(baseValue),
  ];
}

const baseValue = (site: string): string => `${site}/base`;

/** What a settled part is made of. */
export interface LeadingPart {
  /** The sites that it has as a whole. */
  readonly sites: readonly PathSite[];
  /** Local names of the parameters bound there. */
  readonly locals: readonly string[];
  /** The bases that it has alone, by their sites, and local names of their parameters. */
  readonly bases: Readonly<Record<string, PathModule>>;
  readonly baseLocals: readonly string[];
}

/** What of a path belongs to its settled part: sites, bases that are settled without their sites, and the parameters of both. */
export function leadingPart(path: Path, {stages, sites, bases, query}: Settled): LeadingPart {
  const before = stagesOf(path.spec).slice(0, stages);
  const ids = new Set([...before.flatMap((stage) => stage.sites), ...sites]);
  const under = (prefix: string): string[] => Object.keys(path.bind).filter((local) => local.startsWith(prefix));
  const whole = [...path.spec.sites.entries()].filter(([, {id}]) => ids.has(id));
  const alone = [...path.spec.sites.entries()].filter(([, {id}]) => !ids.has(id) && (query || bases.includes(id)));
  return {
    sites: whole.map(([, site]) => site),
    locals: whole.flatMap(([i]) => under(`site${i}/`)),
    bases: Object.fromEntries(alone.map(([, site]) => [site.id, site.base])),
    baseLocals: alone.flatMap(([i]) => under(`site${i}/base/`)),
  };
}

/** True where a stage after the first `stages` ones reads what goes in. */
export function readsInput(spec: PathSpec, stages: number): boolean {
  if (stages === 0) return true;
  const routedByTokens = new Set(
    spec.sites
      .filter(({modules, routing}) => modules.length > 0 && routers.parse(routing).readsTokens)
      .map(({id}) => id),
  );
  return stagesOf(spec)
    .slice(stages)
    .some((stage) => stage.readsInput || stage.sites.some((id) => routedByTokens.has(id)));
}

/**
 * What a settled part puts out, in evaluation, each example by itself.
 *
 * @param parameters those of the part; others may be absent.
 * @param x what goes in; see `forward`. @param start a part of this one that is known already.
 * @returns its values, batch first, by the names of `settledValues`, and alpha by site where a router weighed modules.
 */
export function leading(
  spec: PathSpec,
  parameters: PathTensors,
  x: tf.Tensor | null,
  settled: Settled,
  start?: Start,
): {readonly values: PathTensors; readonly routes: Readonly<Record<string, tf.Tensor>>} {
  const {stages, sites, bases, query} = settled;
  const own = owners(parameters);
  const routes: Record<string, tf.Tensor> = {};
  const take = (site: string, {alpha}: SiteResult): void => {
    if (alpha !== null) routes[site] = alpha;
  };
  const from: Start = start ?? {settled: nothingSettled, values: {}};
  const state = runStages(spec, own, x, evaluation, {start: from, to: stages, take});
  const values: Record<string, tf.Tensor> = stages > 0 ? {state} : {};
  if (query) values['query'] = from.values['query'] ?? queryOf(spec, own, x);
  if (sites.length === 0 && bases.length === 0) return {values, routes};
  const given: PathTensors = {
    ...(from.settled.stages === stages ? from.values : {}),
    ...(query ? {query: values['query']!} : {}),
  };
  const call = callOf(spec, own, x, evaluation, {known: given, take});
  const at: StageCall['at'] = (id, h, extra) => {
    if (sites.includes(id)) {
      values[id] = call.at(id, h, extra);
      return values[id];
    }
    if (!bases.includes(id)) throw new Enough();
    const value = baseValue(id);
    values[value] = given[value] ?? baseAt(spec, own, id, h, extra);
    return values[value]; // In place of what the site puts out: nothing that is kept reads that.
  };
  try {
    stagesOf(spec)[stages]!.run(state, {...call, x: call.x ?? state, at});
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return {values, routes};
}

/** Ends a stage where nothing more is wanted of it. */
class Enough extends Error {}

/** Runs the stages of a path from `start` on. @param take is told what every site gave */
export function runStages(
  spec: PathSpec,
  own: (local: string) => ModuleTensors,
  x: tf.Tensor | null,
  context: Context,
  {start, to, take}: {start?: Start | undefined; to?: number; take?: TakeResult} = {},
): tf.Tensor {
  const {settled, values} = start ?? {settled: nothingSettled, values: {}};
  const call = callOf(spec, own, x, context, {known: values, take});
  const first = settled.stages > 0 ? values['state'] : call.x;
  if (!first) throw new HarnessError('E_SHAPE', 'a pass that begins at the input needs x, got null.');
  const stages = stagesOf(spec).slice(settled.stages, to);
  return stages.reduce((h, stage) => stage.run(h, {...call, x: call.x ?? first}), first);
}

type TakeResult = ((site: string, result: SiteResult) => void) | undefined;

/** What the stages of one pass are told; `x` is null where nothing goes in. @param known values that are not computed again */
function callOf(
  spec: PathSpec,
  own: (local: string) => ModuleTensors,
  x: tf.Tensor | null,
  context: Context,
  {known, take}: {readonly known: PathTensors; readonly take: TakeResult},
): Omit<StageCall, 'x'> & {readonly x: tf.Tensor | null} {
  const {input} = spec;
  const places = placesOf(spec);
  const tokens = input.kind === 'tokens' && x !== null ? {ids: x, vocabulary: input.vocabulary} : null;
  const pass: Pass = {tokens, query: once(() => known['query'] ?? queryOf(spec, own, x)), decisions: new Map()};
  return {
    input,
    x: x === null ? null : prepared(input, x),
    at: (id, h, extra = {}) => {
      if (known[id]) return known[id];
      const i = places.get(id)!;
      const site = spec.sites[i]!;
      const base = known[baseValue(id)];
      const result = runSite(site, `site${i}`, own, h, context, extra, base ? {...pass, base} : pass);
      take?.(id, result);
      return activate(site.activation, result.y);
    },
    drop: (id, h, rate) => {
      const {noise, moving} = context;
      const place = `site${places.get(id)!}/`;
      const moves = moving === null || [...moving].some((owner) => owner.startsWith(place));
      return noise === null || !moves ? h : dropout(h, rate, noise, `${place}dropout`);
    },
  };
}

/** What reaches the head without modules; a constant to gradients. */
function queryOf(spec: PathSpec, own: (local: string) => ModuleTensors, x: tf.Tensor | null): tf.Tensor {
  const bare = {...spec, sites: spec.sites.map((site): PathSite => ({...site, ...nobody}))};
  return stopGradient(runStages(bare, own, x, evaluation));
}

/** What the base of a site alone puts out, in evaluation. */
function baseAt(
  spec: PathSpec,
  own: (local: string) => ModuleTensors,
  id: string,
  h: tf.Tensor,
  extra: ModuleTensors = {},
): tf.Tensor {
  const i = placesOf(spec).get(id)!;
  const name = `site${i}/base`;
  return baseOf(spec.sites[i]!.base, own(name), {h, context: evaluation, extra, name}).output();
}

function placesOf({sites}: PathSpec): ReadonlyMap<string, number> {
  return new Map(sites.map(({id}, i) => [id, i]));
}

/** The parameters of an owner, by its local name. */
export function owners(parameters: PathTensors): (local: string) => ModuleTensors {
  const owned = new Map<string, Record<string, tf.Tensor>>();
  for (const [local, tensor] of Object.entries(parameters)) {
    const cut = local.lastIndexOf('/');
    const owner = local.slice(0, cut);
    if (!owned.has(owner)) owned.set(owner, {});
    owned.get(owner)![local.slice(cut + 1)] = tensor;
  }
  return (local) => owned.get(local) ?? {};
}

/** A site without modules. */
const nobody = {modules: [], membership: [], own: null, decidedAt: null} satisfies Partial<PathSite>;

function readsQuery({modules, routing}: PathSite): boolean {
  return modules.length > 0 && routers.parse(routing).readsQuery === true;
}

function stagesOf({architecture, input}: PathSpec) {
  return architectures.parse(architecture).stages(input);
}

function prepared(input: InputSpec, x: tf.Tensor): tf.Tensor {
  if (input.kind !== 'image') return x;
  const {features, scale, shift} = input;
  const bytes = tf.cast(x, 'float32');
  const channels = scale.length;
  if (channels === 1) {
    const scaled = tf.mul(bytes, scale[0]!);
    return shift[0] === 0 ? scaled : tf.add(scaled, shift[0]!);
  }
  const byChannel = tf.reshape(bytes, [-1, features / channels, channels]); // [batch, pixels, channels]
  return tf.reshape(tf.add(tf.mul(byChannel, [...scale]), [...shift]), [-1, features]);
}
