import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import fc from 'fast-check';
import {learned} from '../../src/strategies/mntdp-s.ts';
import {logitHashes, runTiny, useEngine} from '../support/tiny-run.ts';

describe('mntdp-s', () => {
  const engine = useEngine();
  const run = (options: object = {}) =>
    runTiny(engine(), {strategy: [{kind: 'mntdp-s', neighbours: 3, samples: 3, ...options}]});

  it('moves the choice towards paths that were better than the mean: the worked example', () => {
    // p = 1/2 at score 0: a new layer that paid by 0.25 pulls by 2 * 0.25 * (1 - 1/2), an old one by 2 * 0.25 * (0 - 1/2).
    const step = {advantage: 0.25, rate: 2, entropy: 0};
    expectClose(learned([0, 0], [true, false], step), [0.25, -0.25]);
    // With s = ln 3, p = 3/4; dH / ds = -ln 3 * 3/16.
    const open = learned([Math.log(3)], [true], {advantage: 0, rate: 2, entropy: 0.5});
    expectClose(open, [Math.log(3) - (2 * 0.5 * Math.log(3) * 3) / 16]);
  });

  it('law: the gradient is that of ln p(a) and of the entropy, by central differences', () => {
    const log = (score: number, fresh: boolean) => -Math.log(1 + Math.exp(fresh ? -score : score));
    const entropyOf = (score: number) =>
      [true, false].reduce((sum, fresh) => sum - Math.exp(log(score, fresh)) * log(score, fresh), 0);
    const numbers = fc.double({min: -4, max: 4, noNaN: true});
    fc.assert(
      fc.property(numbers, fc.boolean(), numbers, numbers, (score, fresh, advantage, entropy) => {
        const value = (s: number) => advantage * log(s, fresh) + entropy * entropyOf(s);
        const slope = (value(score + 1e-5) - value(score - 1e-5)) / 2e-5;
        const [next] = learned([score], [fresh], {advantage, rate: 1, entropy});
        expect(next! - score).to.be.closeTo(slope, 1e-5);
      }),
    );
  });

  it('draws paths that train the same layers, and goes on with the likeliest', async () => {
    const {events, checkpoints} = await run();
    const searches = events.filter((event) => event.type === 'search');
    expect(searches.map(({task}) => task)).to.deep.equal([1, 2]);
    const {sites} = checkpoints.at(-1)!.network.topology;
    for (const {task, candidates, chosen, reason} of searches) {
      expect(candidates).to.have.length(3 + 1);
      const shares = /bottom up: (.*)$/.exec(reason)![1]!.split(', ').map(Number);
      const layers = /winner: (.*)/.exec(chosen)![1]!.split(', ');
      shares.forEach((share, i) => {
        if (share !== 0.5) expect(layers[i]).to.equal(share > 0.5 ? 'new' : 'old');
        // What the winner does not use is gone.
        const own = sites[i]!.modules.filter((module) => module.task === task);
        expect(own).to.have.length(layers[i] === 'new' ? 1 : 0);
      });
    }
  });

  it('keeps the logits of old tasks to the bit', async () => {
    const {events} = await run();
    expect(logitHashes(events, 3).map(({size}) => size)).to.deep.equal([1, 1, 1]);
  });

  it('finds new layers the less likely, the higher their price', async () => {
    const share = async (price: number) => {
      const {events} = await run({price, rate: 1, samples: 8});
      const reasons = events.flatMap((event) => (event.type === 'search' ? [event.reason] : []));
      const shares = reasons.flatMap((reason) => /bottom up: (.*)$/.exec(reason)![1]!.split(', ').map(Number));
      return shares.reduce((a, b) => a + b, 0) / shares.length;
    };
    expect(await share(1)).to.be.below(await share(0));
  });
});
