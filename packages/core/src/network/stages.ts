import {HarnessError} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {activate} from '../modules/activation.ts';
import {type Context, evaluation, type ModuleTensors} from '../modules/module.ts';
import {routers} from '../routing/registry.ts';
import {architectures} from './architectures/registry.ts';
import {dropout} from './dropout.ts';
import type {Path, PathSite, PathSpec} from './path.ts';
import {type Pass, runSite, type SiteResult} from './site.ts';
import type {InputSpec, Owner} from './topology.ts';

/** Parameters of a path as tensors, by local name. */
export type PathTensors = Readonly<Record<string, tf.Tensor>>;

/** Where a pass begins, if not at the input. */
export interface Start {
  /** Leading stages that are left out. */
  readonly stages: number;
  /** What they put out. */
  readonly h: tf.Tensor;
}

/**
 * How many leading stages of a path put out the same for an example every time: those in which every parameter is settled,
 * up to the first one where a router decides for all sites. 0 for a path of several tasks, whose rows may differ by task.
 *
 * @param settled whether an owner's parameters stay as they are. @param local the owner's local name, such as `site0/base`
 */
export function settledStages(path: Path, settled: (owner: Owner, local: string) => boolean): number {
  if (path.tasks.length > 1) return 0;
  const restless = new Set<string>();
  for (const [local, owner] of Object.entries(path.owner)) {
    const site = /^site(\d+)\//.exec(local);
    if (site && !settled(owner, local.slice(0, local.lastIndexOf('/'))))
      restless.add(path.spec.sites[Number(site[1])]!.id);
  }
  const stages = stagesOf(path.spec);
  // What a router decides for sites that come later is not kept with the hidden state.
  for (const {decidedAt} of path.spec.sites) if (decidedAt !== null) restless.add(decidedAt);
  const first = stages.findIndex(({sites}) => sites.some((id) => restless.has(id)));
  return first < 0 ? stages.length : first;
}

/** The sites of the first `stages` stages, and the local names of the parameters bound there. */
export function leadingPart(
  path: Path,
  stages: number,
): {readonly sites: readonly PathSite[]; readonly locals: readonly string[]} {
  const ids = new Set(
    stagesOf(path.spec)
      .slice(0, stages)
      .flatMap(({sites}) => sites),
  );
  const places = new Set(
    [...path.spec.sites.keys()].filter((i) => ids.has(path.spec.sites[i]!.id)).map((i) => `site${i}`),
  );
  return {
    sites: path.spec.sites.filter(({id}) => ids.has(id)),
    locals: Object.keys(path.bind).filter((local) => places.has(local.slice(0, local.indexOf('/')))),
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
 * What the first `stages` stages put out, in evaluation, each example by itself.
 *
 * @param parameters those of the sites in these stages; others may be absent.
 * @param x what goes in; see `forward`.
 * @returns the hidden state after them, batch first, and alpha by site where a router weighed modules.
 */
export function leading(
  spec: PathSpec,
  parameters: PathTensors,
  x: tf.Tensor,
  stages: number,
): {readonly h: tf.Tensor; readonly routes: Readonly<Record<string, tf.Tensor>>} {
  const routes: Record<string, tf.Tensor> = {};
  const take = (site: string, {alpha}: SiteResult): void => {
    if (alpha !== null) routes[site] = alpha;
  };
  return {h: runStages(spec, owners(parameters), x, evaluation, {to: stages, take}), routes};
}

/** Runs the stages of a path from `start` on. @param take is told what every site gave */
export function runStages(
  spec: PathSpec,
  own: (local: string) => ModuleTensors,
  x: tf.Tensor | null,
  context: Context,
  {start, to, take}: {start?: Start | undefined; to?: number; take?: (site: string, result: SiteResult) => void} = {},
): tf.Tensor {
  const {input} = spec;
  const places = new Map(spec.sites.map((site, i) => [site.id, i]));
  const tokens = input.kind === 'tokens' && x !== null ? {ids: x, vocabulary: input.vocabulary} : null;
  const pass: Pass = {tokens, decisions: new Map()};
  const at = (id: string, h: tf.Tensor, extra: ModuleTensors = {}): tf.Tensor => {
    const i = places.get(id)!;
    const site = spec.sites[i]!;
    const result = runSite(site, `site${i}`, own, h, context, extra, pass);
    take?.(id, result);
    return activate(site.activation, result.y);
  };
  const drop = (id: string, h: tf.Tensor, rate: number): tf.Tensor => {
    const {noise, moving} = context;
    const place = `site${places.get(id)!}/`;
    const moves = moving === null || [...moving].some((owner) => owner.startsWith(place));
    return noise === null || !moves ? h : dropout(h, rate, noise, `${place}dropout`);
  };
  const entered = x === null ? null : prepared(input, x);
  const stages = stagesOf(spec).slice(start?.stages ?? 0, to);
  const first = start?.h ?? entered;
  if (first === null) throw new HarnessError('E_SHAPE', 'a pass that begins at the input needs x, got null.');
  return stages.reduce((h, stage) => stage.run(h, {input, x: entered ?? first, at, drop}), first);
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
