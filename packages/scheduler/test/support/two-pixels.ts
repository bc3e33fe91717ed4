import {type Network, pathOf, type Segment} from '@accrete/core';
import type {Dataset} from '@accrete/data';
import {hostArray, seedStream} from '@accrete/kit';
import {type StrategyState, type Stream, streams} from '../../src/index.ts';
import {Session} from '../../src/run/session.ts';
import {tinyDataset} from './tiny-dataset.ts';
import {tinyConfig} from './tiny-run.ts';

/** A float32 array. */
export const flat = (values: readonly number[], shape: readonly number[]) =>
  hostArray(Float32Array.from(values), shape, 'float32');

/** Two pixels, one linear hidden unit, two classes: logits = (x . w + b) v + c, with x the pixels in [0, 1]. */
export function twoPixels(examples: number, w: number[], b: number, v: number[], c: number[]) {
  const images = Uint8Array.from({length: 2 * examples}, (_, i) => ((i >> 1) % 2 === i % 2 ? 255 : 0));
  const split = {images, labels: new Uint8Array(examples), examples};
  const dataset: Dataset = {...tinyDataset(), classes: ['a', 'b'], imageShape: [1, 2, 1], train: split, test: split};
  const source = streams.create({kind: 'permuted', dataset: {kind: 'procedural'}, tasks: 1, validationFraction: 0});
  const stream = source.build(dataset, 'domain-incremental', seedStream(1));
  const config = tinyConfig({
    scenario: 'domain-incremental',
    network: {kind: 'mlp', hidden: [1], activation: 'linear'},
    stream: {kind: 'permuted', dataset: {kind: 'procedural', classes: 2}, tasks: 1, validationFraction: 0},
  });
  const {network: built} = new Session(config, {engine: undefined as never, dataset});
  const parameters = {
    'layer0/base/kernel': flat(w, [2, 1]),
    'layer0/base/bias': flat([b], [1]),
    'head/segment:0/kernel': flat(v, [1, 2]),
    'head/segment:0/bias': flat(c, [2]),
  };
  const network: Network = {...built, parameters};
  const path = pathOf(network.topology, 0, network.topology.head.segments as readonly Segment[]);
  return {stream, task: stream.tasks[0]!, network, path, seeds: seedStream(5)};
}

/** What a hook is told in the first task. */
export function contextAt(stream: Stream, network: Network, state: StrategyState) {
  return {task: stream.tasks[0]!, stream, network, state, seeds: seedStream(5)};
}
