import {bitEqual} from '@accrete/kit';
import {expect} from 'chai';
import {logitHashes, runTiny, smallOptions, useEngine} from '../support/tiny-run.ts';

describe('path-net', () => {
  const engine = useEngine();
  const run = () => runTiny(engine(), {strategy: [{...smallOptions['path-net'], rounds: 2}]});

  it('holds a tournament per task: two paths per round, the last population, the winner', async () => {
    const {events, checkpoints} = await run();
    const searches = events.filter((event) => event.type === 'search');
    expect(searches.map(({task}) => task)).to.deep.equal([0, 1, 2]);
    const {sites} = checkpoints.at(-1)!.network.topology;
    for (const {task, candidates, chosen} of searches) {
      expect(candidates).to.have.length(2 * 2 + 2 + 1);
      expect(candidates.at(-1)!.name).to.equal(chosen);
      // The path that is written down is the one that goes on.
      const layers = /winner: (.*)/
        .exec(chosen)![1]!
        .split('|')
        .map((layer) => layer.split('+'));
      sites.forEach(({routing}, i) => {
        expect([...(routing['modules'] as string[][])[task]!].sort()).to.deep.equal(layers[i]);
      });
      const last = candidates.slice(4, 6).map(({accuracy}) => accuracy!);
      const best = candidates.slice(4, 6)[last.indexOf(Math.max(...last))]!;
      expect(best.name.replace(/^path \d+/, 'winner')).to.equal(chosen);
    }
  });

  it('trains the winner for the whole of the epochs, others for a generation; all train the same modules', async () => {
    const {events} = await run();
    const epochs = events.filter((event) => event.type === 'epoch').filter(({task}) => task === 0);
    expect(epochs.map(({phase}) => phase.replace(/:.*:/, ':'))).to.deep.equal([
      ...Array.from({length: 6}, (_, i) => `path ${i}: generation`),
      'winner: train',
      'winner: train',
    ]);
    // The last one goes on where the population left: its loss is below that of the first path.
    expect(epochs.at(-2)!.loss!).to.be.below(epochs[0]!.loss!);
  });

  it('freezes what the winner uses and starts the rest anew; old logits stay to the bit', async () => {
    const {events, checkpoints} = await run();
    expect(logitHashes(events, 3).map(({size}) => size)).to.deep.equal([1, 1, 1]);
    const [first, second] = [checkpoints[1]!.network, checkpoints[2]!.network];
    let [kept, changed] = [0, 0];
    for (const site of first.topology.sites) {
      const used = new Set((site.routing['modules'] as string[][])[0]!.map((name) => `${site.id}/module:${name}`));
      for (const {id} of site.modules) {
        const same = bitEqual(first.parameters[`${id}/kernel`]!, second.parameters[`${id}/kernel`]!);
        expect(same, id).to.equal(used.has(id));
        if (same) kept++;
        else changed++;
      }
    }
    expect([kept > 0, changed > 0]).to.deep.equal([true, true]);
  });
});
