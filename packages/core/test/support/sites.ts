import {type HostArray, hostArray, seedStream, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {
  type Context,
  computations,
  evaluation,
  type ModuleTensors,
  type PathSite,
  type SiteShape,
} from '../../src/index.ts';
import {partsOf, runSite, type SiteResult} from '../../src/network/site.ts';

/** A kind of place where modules may stand: what is beside them, and a hidden state that reaches it. */
export interface Place extends SiteShape {
  /** Shape of the hidden state for a batch of so many. */
  readonly shape: (batch: number) => readonly number[];
}

const base = (config: object) => computations.validate(config);

/** Places that family-wide suites go through, by name. */
export const places = {
  /** A base of its own, or a head segment. */
  alone: {beside: null, inputs: 3, units: 2, shape: (batch) => [batch, 3]},
  dense: {beside: base({kind: 'dense'}), inputs: 3, units: 2, shape: (batch) => [batch, 3]},
  /** A dense layer that puts out as many features as come in. */
  square: {beside: base({kind: 'dense'}), inputs: 3, units: 3, shape: (batch) => [batch, 3]},
  /** A dense layer over the tokens of sequences. */
  sequence: {beside: base({kind: 'dense'}), inputs: 4, units: 4, shape: (batch) => [batch, 3, 4]},
  /** Maps, where a layer stands by itself. */
  maps: {beside: null, inputs: 2, units: 3, shape: (batch) => [batch, 4, 4, 2]},
  /** Maps that go on as wide as they came. */
  'equal maps': {beside: null, inputs: 4, units: 4, shape: (batch) => [batch, 2, 2, 4]},
  convolution: {
    beside: base({kind: 'conv2d', stride: 2}),
    inputs: 2,
    units: 3,
    shape: (batch) => [batch, 4, 4, 2],
  },
  'batch-norm': {beside: base({kind: 'batch-norm'}), inputs: 4, units: 4, shape: (batch) => [batch, 2, 2, 4]},
  'end of a block': {beside: base({kind: 'identity'}), inputs: 4, units: 4, shape: (batch) => [batch, 3, 4]},
  /** Ids of tokens. */
  tokens: {beside: null, inputs: 5, units: 4, shape: (batch) => [batch, 5]},
  'token table': {
    beside: base({kind: 'embedding', vocabulary: 3}),
    inputs: 5,
    units: 4,
    shape: (batch) => [batch, 5],
  },
  'image patches': {
    beside: base({kind: 'patches', size: 2, tokens: 4}),
    inputs: 2,
    units: 4,
    shape: (batch) => [batch, 4, 4, 2],
  },
  /** Queries, keys and values side by side. */
  packed: {beside: null, inputs: 12, units: 4, shape: (batch) => [batch, 3, 12]},
  attention: {beside: base({kind: 'attention', heads: 2}), inputs: 12, units: 4, shape: (batch) => [batch, 3, 12]},
  /** Three features and a state of two units side by side. */
  recurrence: {beside: null, inputs: 5, units: 2, shape: (batch) => [batch, 5]},
  cell: {beside: base({kind: 'recurrent'}), inputs: 5, units: 2, shape: (batch) => [batch, 5]},
} as const satisfies Readonly<Record<string, Place>>;

/** Numbers away from 0, the same on every call. */
export function wave(shape: readonly number[], phase = 1): tf.Tensor {
  return tf.tensor(hostWave(shape, phase).data, [...shape]);
}

/** The same as an array. */
export function hostWave(shape: readonly number[], phase = 1): HostArray<'float32'> {
  const data = Float32Array.from({length: sizeOf(shape)}, (_, i) => Math.sin(1.3 * i + phase) + 0.05);
  return hostArray(data, shape, 'float32');
}

/** Fresh parameters of a computation at a place, by name. */
export function fresh(
  config: object,
  place: SiteShape,
  of: 'parameters' | 'shared' = 'parameters',
): Record<string, HostArray> {
  const specs = computations.parse(config)[of]?.(place) ?? {};
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      spec.initializer.fill(spec.shape, spec, seedStream(2, of, name)),
    ]),
  );
}

/** Parameters a step away from where they start, so that nothing is 0. */
export function moved(parameters: Readonly<Record<string, HostArray>>): Record<string, HostArray> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, array]) => [
      name,
      {...array, data: Float32Array.from(array.data, (x, i) => x + 0.2 + 0.1 * Math.cos(i))},
    ]),
  );
}

/** Arrays as tensors. */
export function tensors(values: Readonly<Record<string, HostArray>>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(values).map(([name, {data, shape}]) => [name, tf.tensor(data as Float32Array, [...shape])]),
  );
}

/** Tensors by `owner/name` -> by owner, then by name. */
export function byOwner(given: Readonly<Record<string, tf.Tensor>>): Record<string, Record<string, tf.Tensor>> {
  const owners: Record<string, Record<string, tf.Tensor>> = {};
  for (const [path, tensor] of Object.entries(given)) {
    const [owner, name] = path.split('/') as [string, string];
    owners[owner] = {...owners[owner], [name]: tensor};
  }
  return owners;
}

/** A site with one base and some modules, as it stands on a path. */
export function siteWith(
  place: SiteShape,
  modules: readonly object[],
  change: {routing?: object; aggregation?: object; membership?: readonly (readonly boolean[])[]} = {},
): PathSite {
  const {inputs, units} = place;
  const beside = place.beside ?? base({kind: 'dense'});
  return {
    id: 'site',
    base: {computation: beside, inputs, units, beside: null},
    modules: modules.map((module) => ({computation: computations.validate(module), inputs, units, beside})),
    membership: change.membership ?? [modules.map(() => true)],
    own: null,
    decidedAt: null,
    routing: {kind: 'up-to-task', ...change.routing},
    aggregation: {kind: 'sum', ...change.aggregation},
    activation: 'linear',
  };
}

/** Runs a site on the current backend. @param owners parameters by the owner's local name below the site, such as `module:0` */
export function at(
  site: PathSite,
  owners: Readonly<Record<string, Readonly<Record<string, tf.Tensor>>>>,
  h: tf.Tensor,
  context: Context = evaluation,
  extra: ModuleTensors = {},
): SiteResult {
  return runSite(site, 'site', (local) => owners[local.slice('site/'.length)] ?? {}, h, context, extra);
}

/** Base and modules of a site on the current backend, for an aggregator to work on. */
export function partsAt(
  site: PathSite,
  owners: Readonly<Record<string, Readonly<Record<string, tf.Tensor>>>>,
  h: tf.Tensor,
): ReturnType<typeof partsOf> {
  const own = (local: string) => owners[local.slice('site/'.length)] ?? {};
  return partsOf(site, 'site', own, {h, context: evaluation, extra: {}});
}
