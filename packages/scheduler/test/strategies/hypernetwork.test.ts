import type {HostArray} from '@accrete/kit';
import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {
  asParameters,
  freshEmbedding,
  freshGenerator,
  generate,
  generateOnHost,
} from '../../src/strategies/weight-generator.ts';
import {computed} from '../support/in-step.ts';
import {logitHashes, runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';
import {flat} from '../support/two-pixels.ts';

describe('hypernetwork', () => {
  const engine = useEngine();
  const parts = [
    {path: 'a/kernel', shape: [1, 2], scale: 10},
    {path: 'b/kernel', shape: [1], scale: 2},
  ];
  const weights = {parts, size: 3};

  it('makes weights piece by piece from [e; c]: the worked example, on the device and on the host', async () => {
    // h(x) = relu(x W0 + b0) W1 + b1, two weights at a time, so that the second piece has one to spare.
    const generator = {
      '0/kernel': flat([1, 1], [2, 1]),
      '0/bias': flat([-1], [1]),
      '1/kernel': flat([1, 2], [1, 2]),
      '1/bias': flat([0.5, 0], [2]),
      pieces: flat([0, 3], [2, 1]),
    };
    const embedding = flat([2], [1]);
    // e = 2: piece c = 0 gives relu(1) = 1 -> (1.5, 2), piece c = 3 gives relu(4) = 4 -> (4.5, 8).
    const host = generateOnHost(generator, embedding, weights);
    expect([...host['a/kernel']!.data, ...host['b/kernel']!.data]).to.deep.equal([15, 20, 9]);
    const made = await computed(engine(), {...generator, embedding}, ({embedding: e, ...given}) =>
      asParameters(generate(given, tf.expandDims(e!), weights), weights),
    );
    expect([...made['a/kernel']!, ...made['b/kernel']!]).to.deep.equal([15, 20, 9]);
  });

  it('law: host and device agree, and one embedding at a time as many at once', async () => {
    const seeds = seedStream(3);
    const shape = {embedding: 3, pieceEmbedding: 2, chunk: 2, hidden: [4, 5]};
    const generator = freshGenerator(shape, weights.size, seeds);
    const embeddings = [0, 1].map((k) => freshEmbedding(3, seeds.fork('embedding', k)));
    const both = flat(
      embeddings.flatMap(({data}) => [...data]),
      [2, 3],
    );
    const {lines} = await computed(engine(), {...generator, both}, ({both: given, ...arrays}) => ({
      lines: generate(arrays, given!, weights),
    }));
    const host = embeddings.flatMap((embedding) =>
      Object.values(generateOnHost(generator, embedding, weights)).flatMap(({data}) => [...data]),
    );
    expectClose(lines!, host, {relative: 1e-5, absolute: 1e-5});
  });

  /** How far what is made for task 0 has gone since its end, by the last checkpoint: mean of squares. */
  async function drift(strength: number): Promise<number> {
    const strategy = [{...smallOptions.hypernetwork, strength}];
    const {checkpoints} = await runTiny(engine(), {strategy});
    const made = (at: number): number[] => {
      const {arrays} = checkpoints.at(at)!.strategyStates[0]!;
      const generator = Object.fromEntries(
        Object.entries(arrays)
          .filter(([name]) => name.startsWith('generator/'))
          .map(([name, array]) => [name.slice('generator/'.length), array as HostArray]),
      );
      // 36 * 12 + 12 weights in the first layer, 12 * 8 + 8 in the second.
      const whole = {parts: [{path: 'all', shape: [548], scale: 1}], size: 548};
      return [...generateOnHost(generator, arrays['embedding:0']!, whole)['all']!.data];
    };
    const [before, after] = [made(1), made(-1)];
    return before.reduce((sum, value, i) => sum + (value - after[i]!) ** 2, 0) / before.length;
  }

  it('holds the weights of earlier tasks, as its strength says', async () => {
    expect(await drift(100)).to.be.below((await drift(0)) / 4);
  });

  it('moves neither the weights of the network nor earlier embeddings, and keeps no old generator', async () => {
    const {checkpoints, events} = await runTiny(engine(), {strategy: [smallOptions.hypernetwork]});
    const [start, first, last] = [checkpoints[0]!, checkpoints[1]!, checkpoints.at(-1)!];
    const kernel = 'layer0/base/kernel';
    expect([...last.network.parameters[kernel]!.data]).to.deep.equal([...start.network.parameters[kernel]!.data]);
    const embeddings = [first, last].map(({strategyStates}) => strategyStates[0]!.arrays['embedding:0']!.data);
    expect([...embeddings[1]!]).to.deep.equal([...embeddings[0]!]);
    const names = Object.keys(last.strategyStates[0]!.arrays);
    expect(names.filter((name) => name.startsWith('before/') || name.includes('#'))).to.deep.equal([]);
    // Theta changes, so what old tasks are told changes a little.
    expect(logitHashes(events, 3)[0]!.size).to.equal(3);
  });
});
