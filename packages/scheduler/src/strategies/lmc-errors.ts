import {type Forward, type Path, reconstructionErrors} from '@accrete/core';
import * as tf from '@tensorflow/tfjs-core';
import {trainingRows} from '../streams/stream.ts';
import {type AlongPathRequest, alongPath} from '../training/along-path.ts';
import type {Usual} from './lmc-outliers.ts';
import type {Context} from './strategy.ts';

const parts = ['encoder', 'code', 'decoder', 'output'] as const;

/** Local name of the autoencoder of the j-th module at the i-th site of a path. */
export function gateAt(i: number, j: number): string {
  return `site${i}/gate:0:${j}`;
}

/**
 * How badly autoencoders reconstruct what reaches their site.
 *
 * @param h [batch, ..., inputs], averaged over positions. @param gates their local names. @returns [batch, gates]
 */
export function errorsOf(
  h: tf.Tensor,
  gates: readonly string[],
  parameters: Readonly<Record<string, tf.Tensor>>,
): tf.Tensor {
  const pooled = h.rank === 2 ? h : tf.mean(tf.reshape(h, [h.shape[0]!, -1, h.shape.at(-1)!]), 1);
  const read = (gate: string) => Object.fromEntries(parts.map((name) => [name, parameters[`${gate}/${name}`]!]));
  return reconstructionErrors(pooled, gates.map(read));
}

/** Errors of every module on a task's training examples, by the module's id, one per example; at most so many examples. */
export async function errorsByModule(
  request: Context & AlongPathRequest,
  most: number,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const {task, seeds, path, network} = request;
  const chosen = seeds.fork('examples').permutation(task.examples.train.length).slice(0, most);
  const all = trainingRows(task);
  const rows = [...chosen].map((place) => all[place]!);
  const read = ({hidden}: Forward, parameters: Readonly<Record<string, tf.Tensor>>) =>
    errorsAtSites(path, hidden, parameters);
  const found = await alongPath(request, rows, {name: 'structural errors', key: null, read});
  const named = Object.entries(found).flatMap(([site, {width, data}]) => {
    const {modules} = network.topology.sites.find(({id}) => id === site)!;
    return modules.map(({id}, j) => [id, rows.map((_, i) => data[i * width + j]!)] as const);
  });
  return Object.fromEntries(named);
}

function errorsAtSites(
  {spec}: Path,
  hidden: Readonly<Record<string, tf.Tensor>>,
  parameters: Readonly<Record<string, tf.Tensor>>,
): Record<string, tf.Tensor> {
  const entries = spec.sites.flatMap(({id, modules}, i) => {
    const h = hidden[id];
    if (h === undefined) return [];
    const gates = modules.map((_, j) => gateAt(i, j));
    return [[id, errorsOf(h, gates, parameters)] as const];
  });
  return Object.fromEntries(entries);
}

/** Mean and standard deviation. */
export function moments(values: readonly number[]): Usual {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {mean, deviation: Math.sqrt(variance)};
}
