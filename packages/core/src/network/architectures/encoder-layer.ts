import type {ParsedConfig} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {computations} from '../../modules/registry.ts';
import type {Activation} from '../topology.ts';
import {denseConfig, type SitePlan, type StageCall} from './architecture.ts';

/** What the layers of an encoder have in common. */
export interface EncoderOptions {
  readonly width: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly activation: Activation;
  /** Added to the variance in norms. */
  readonly epsilon: number;
  readonly initializer: ParsedConfig;
}

/** The sites of one layer of an encoder. */
export function encoderSites(layer: string, options: EncoderOptions): readonly SitePlan[] {
  const {width, heads, feedForward, activation, epsilon, initializer} = options;
  const dense = denseConfig(initializer);
  const site = (name: string, computation: ParsedConfig, inputs = width, units = width): SitePlan => ({
    id: `${layer}/${name}`,
    computation,
    inputs,
    units,
  });
  const norm = computations.validate({kind: 'layer-norm', epsilon});
  const identity = computations.validate({kind: 'identity'});
  return [
    site('norm1', norm),
    ...['query', 'key', 'value'].map((name) => site(name, dense)),
    site('attention', computations.validate({kind: 'attention', heads}), 3 * width),
    site('output', dense),
    site('attention-block', identity),
    site('norm2', norm),
    {...site('up', dense, width, feedForward), activation},
    site('down', dense, feedForward),
    site('feed-forward-block', identity),
  ];
}

/** Ids of the sites of one layer in the order in which it runs them. */
export function encoderOrder(layer: string, norm: 'first' | 'last'): readonly string[] {
  const attend = ['query', 'key', 'value', 'attention', 'output', 'attention-block'];
  const feed = ['up', 'down', 'feed-forward-block'];
  const names = norm === 'first' ? ['norm1', ...attend, 'norm2', ...feed] : [...attend, 'norm1', ...feed, 'norm2'];
  return names.map((name) => `${layer}/${name}`);
}

/** What stands side by side in one layer; see `Stage.apart`. */
export function encoderApart(layer: string): Readonly<Record<string, readonly string[]>> {
  const [query, key, value] = [`${layer}/query`, `${layer}/key`, `${layer}/value`];
  return {[key]: [query], [value]: [query, key]};
}

/**
 * Runs one layer of an encoder on states [batch, length, width].
 *
 * @param mask 1 where a position may be looked at, [batch, n], of the last n positions.
 */
export function runEncoderLayer(
  layer: string,
  h: tf.Tensor,
  {at}: Pick<StageCall, 'at'>,
  {norm, mask}: {readonly norm: 'first' | 'last'; readonly mask: tf.Tensor | undefined},
): tf.Tensor {
  const attend = (n: tf.Tensor): tf.Tensor => {
    const packed = tf.concat(
      ['query', 'key', 'value'].map((name) => at(`${layer}/${name}`, n)),
      -1,
    );
    const mixed = at(`${layer}/attention`, packed, mask === undefined ? {} : {mask});
    return at(`${layer}/attention-block`, at(`${layer}/output`, mixed));
  };
  const feed = (n: tf.Tensor): tf.Tensor =>
    at(`${layer}/feed-forward-block`, at(`${layer}/down`, at(`${layer}/up`, n)));
  const around = (state: tf.Tensor, block: (n: tf.Tensor) => tf.Tensor, name: string): tf.Tensor => {
    const normed = (x: tf.Tensor): tf.Tensor => at(`${layer}/${name}`, x);
    return norm === 'first' ? tf.add(state, block(normed(state))) : normed(tf.add(state, block(state)));
  };
  return around(around(h, attend, 'norm1'), feed, 'norm2');
}
