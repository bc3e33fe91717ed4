import {bitEqual} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {classMeans, meanOf, withMeans} from '../../src/strategies/class-means.ts';
import {trainingRows} from '../../src/streams/stream.ts';
import {runTiny, useEngine} from '../support/tiny-run.ts';
import {twoPixels} from '../support/two-pixels.ts';

describe('nearest-mean', () => {
  const engine = useEngine();

  it('averages directions of features, and predicts by their product with the means: the worked example', async () => {
    // Pixels (1, 0) and (0, 1) in turn, all of class 0; one feature: 2 or -3, of directions 1 and -1.
    const {stream, task, network, path} = twoPixels(3, [2, -3], 0, [0, 0], [5, 5]);
    const means = await classMeans({engine: engine(), stream, network, path}, trainingRows(task));
    // (1 - 1 + 1) / 3, scaled to length 1.
    expectClose(means[meanOf(0)]!.data, [1]);
    expect(Object.keys(means)).to.deep.equal(['mean/0']);
    const {parameters} = withMeans(network, means);
    expect([...parameters['head/segment:0/kernel']!.data]).to.deep.equal([1, 0]);
    expect([...parameters['head/segment:0/bias']!.data]).to.deep.equal([0, 0]);
  });

  it('law: nothing moves after the first task, and a mean that came stays', async () => {
    const {checkpoints, events} = await runTiny(engine(), {
      scenario: 'class-incremental',
      strategy: [{kind: 'nearest-mean'}],
    });
    const [first, last] = [checkpoints[1]!, checkpoints.at(-1)!];
    for (const [path, array] of Object.entries(first.network.parameters))
      expect(bitEqual(last.network.parameters[path]!, array), path).to.equal(true);
    const [before, after] = [first, last].map(({strategyStates}) => strategyStates[0]!.arrays);
    expect(Object.keys(before!)).to.have.length(2);
    expect(Object.keys(after!)).to.have.length(6);
    for (const [name, array] of Object.entries(before!)) expect(bitEqual(after![name]!, array), name).to.equal(true);
    expect(events.filter((event) => event.type === 'epoch').every(({task}) => task === 0)).to.equal(true);
  });
});
