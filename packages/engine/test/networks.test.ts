import {expect} from 'chai';
import {findEngines} from '../src/index.ts';
import {useEngine} from './support/engines.ts';
import {convolutional, losses, type Network, transformer} from './support/networks.ts';

const tensorflow = (await findEngines()).some(({kind, available}) => kind === 'tensorflow' && available);
const kinds = ['onnx', 'wasm', ...(tensorflow ? (['tensorflow'] as const) : [])] as const;
const networks: Readonly<Record<string, Network>> = {
  'convolutions, batch norm and pooling': convolutional,
  'embeddings, attention, layer norm and gelu': transformer,
};

describe('whole steps over 50 steps', () => {
  const cpu = useEngine('cpu');
  const engines = kinds.map((kind) => useEngine(kind));

  for (const [name, network] of Object.entries(networks)) {
    for (const optimiser of ['sgd', 'adam'] as const) {
      it(`of ${name} with ${optimiser} agree between cpu, ${kinds.join(', ')}`, async () => {
        const expected = await losses(cpu(), network, optimiser, 50);
        expect(expected.at(-1)!).to.be.lessThan(0.7 * expected[0]!);
        for (const engine of engines) {
          const actual = await losses(engine(), network, optimiser, 50);
          for (const [step, loss] of expected.entries()) {
            expect(actual[step]!, `step ${step} on ${engine().kind}`).to.be.closeTo(loss, 1e-3 * (0.1 + loss));
          }
          expect(engine().live()).to.deep.include({buffers: 0, programs: 0});
        }
      });
    }
  }
});
