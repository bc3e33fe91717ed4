import {createEngine, type Engine, type PureFunction} from '@accrete/engine';
import {bitEqual, type HostArray, hostArray, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {
  architectures,
  computations,
  forward,
  freeze,
  growHead,
  growModules,
  leading,
  type Network,
  pathOf,
  readsInput,
  settledPart,
  settledValues,
} from '../../src/index.ts';
import {network} from '../support/networks.ts';
import {thrown} from '../support/thrown.ts';

const seeds = seedStream(5);
const lora = computations.validate({kind: 'low-rank', rank: 1});
const frozenPart = ({topology}: Network) =>
  settledPart(pathOf(topology, 0, topology.head.segments), ({frozen}) => frozen);
const frozenStages = (network: Network) => frozenPart(network).stages;

/** Three layers, the base frozen, a module at the last layer. */
function grown(): Network {
  const headed = growHead(network({hidden: [5, 4, 3]}), 0, [0, 1], seeds).network;
  const still = freeze(headed, ({id}) => !id.startsWith('head/')).network;
  return growModules(still, {task: 0, computation: lora, sites: ['layer2']}, seeds).network;
}

describe('stages', () => {
  it('are settled up to the first one in which something moves', () => {
    const start = network({hidden: [5, 4, 3]});
    expect(frozenStages(start)).to.equal(0);
    expect(frozenStages(freeze(start, ({id}) => id === 'layer0/base').network)).to.equal(1);
    expect(frozenStages(freeze(start, ({id}) => id === 'layer1/base').network)).to.equal(0);
    expect(frozenStages(freeze(start, () => true).network)).to.equal(3);
    expect(frozenStages(grown())).to.equal(2);
    expect(frozenStages(freeze(grown(), () => true).network)).to.equal(3);
  });

  it('are never settled on a path of several tasks', () => {
    const {topology} = freeze(network(), () => true).network;
    expect(settledPart(pathOf(topology, [0, 1], []), () => true).stages).to.equal(0);
    expect(settledPart(pathOf(topology, 0, []), () => true).stages).to.equal(2);
  });

  it('are kept up to a site with something that moves, of which the base is, where it rests', () => {
    expect(frozenPart(grown())).to.deep.equal({stages: 2, sites: [], bases: ['layer2'], query: false});
    expect(settledValues(frozenPart(grown()))).to.deep.equal(['state', 'layer2/base']);
    const adapted = growModules(
      freeze(network({hidden: [5]}), () => true).network,
      {task: 0, computation: lora},
      seeds,
    );
    expect(settledValues(frozenPart(adapted.network))).to.deep.equal(['layer0/base']);
    expect(settledValues(frozenPart(network({hidden: [5]})))).to.deep.equal([]);
  });

  it('are kept within an encoder layer: what no module reaches, and what their bases put out', () => {
    const config = {kind: 'transformer', width: 4, layers: 2, heads: 1, feedForward: 6, patch: 2} as const;
    const input = {kind: 'image', shape: [4, 4, 1], pixels: () => ({mean: [0.5], sd: [0.25]})} as const;
    const partOf = (norm: 'first' | 'last', ...sites: string[]) => {
      const built = architectures.create({...config, norm}).build({input, head: 'single', classes: [0, 1]}, seeds);
      const still = freeze(built, () => true).network;
      return frozenPart(growModules(still, {task: 0, computation: lora, sites}, seeds).network);
    };
    const beside = {sites: ['layer1/norm1', 'layer1/key', 'layer1/value'], bases: ['layer1/query']};
    expect(partOf('first', 'layer1/query')).to.deep.equal({stages: 2, query: false, ...beside});
    expect(partOf('last', 'layer1/query')).to.deep.equal({
      stages: 2,
      query: false,
      sites: ['layer1/key', 'layer1/value'],
      bases: ['layer1/query'],
    });
    const both = partOf('first', 'layer1/query', 'layer1/value');
    expect(both.sites).to.deep.equal(['layer1/norm1', 'layer1/key']);
    expect(both.bases).to.deep.equal(['layer1/query', 'layer1/value']);
    expect(partOf('first', 'layer1/output').bases).to.deep.equal(['layer1/output']);
    expect(partOf('first', 'layer1/down').sites.length).to.equal(9);
  });

  it('are kept with the query of routers that ask the network without modules, and not at all where a base moves', () => {
    const routing = {kind: 'nearest-keys', query: 'network', count: 1} as const;
    const config = {kind: 'transformer', width: 4, layers: 1, heads: 1, feedForward: 6, patch: 2, routing} as const;
    const input = {kind: 'image', shape: [4, 4, 1], pixels: () => ({mean: [0.5], sd: [0.25]})} as const;
    const built = architectures
      .create({...config, aggregation: {kind: 'input-concatenation'}})
      .build({input, head: 'single', classes: [0, 1]}, seeds);
    const prompt = {computation: computations.validate({kind: 'prompt', tokens: 1}), task: null, names: ['a', 'b']};
    const prompted = growModules(freeze(built, () => true).network, {...prompt, sites: ['patches']}, seeds).network;
    expect(settledValues(frozenPart(prompted))).to.deep.equal(['query', 'patches/base']);
    const path = pathOf(prompted.topology, 0, prompted.topology.head.segments);
    const isMoving = (base: string) => settledPart(path, ({id, frozen}) => frozen && id !== base);
    expect(settledValues(isMoving('norm/base'))).to.deep.equal([]); // Though it is the last of all.
  });

  it('need what goes in at their beginning alone, where the architecture says so', () => {
    const {spec} = pathOf(grown().topology, 0, []);
    expect([0, 1, 3].map((stages) => readsInput(spec, stages))).to.deep.equal([true, false, false]);
    expect(thrown(() => forward(spec, {}, null)).message).to.contain('needs x, got null');
  });

  for (const kind of ['onnx', 'cpu'] as const) {
    it(`run apart give the same bits as in one piece on ${kind}`, async () => {
      const engine: Engine = await createEngine({kind});
      try {
        const {topology, parameters} = grown();
        const path = pathOf(topology, 0, topology.head.segments);
        const images = hostArray(
          Uint8Array.from({length: 12}, (_, i) => (i * 37) % 256),
          [3, 4],
          'uint8',
        );
        const values = Object.fromEntries(Object.entries(path.bind).map(([local, at]) => [local, parameters[at]!]));
        const call = async (
          fn: Parameters<Engine['compile']>[0],
          inputs: Readonly<Record<string, HostArray>>,
        ): Promise<HostArray> => {
          const program = await engine.compile(fn, inputs, {name: 'stages'});
          const given = Object.keys(program.inputs).map((name) => [name, engine.upload(inputs[name]!)] as const);
          const {y} = await program.run(Object.fromEntries(given));
          const read = await y!.read();
          for (const [, buffer] of given) buffer.dispose();
          y!.dispose();
          program.dispose();
          return read;
        };
        const whole = await call(({images: x, ...p}) => ({y: forward(path.spec, p, x!).logits}), {...values, images});
        const cuts = [1, 2].map((stages) => ({stages, sites: [], bases: [], query: false}));
        for (const settled of [...cuts, frozenPart(grown())]) {
          const names = settledValues(settled);
          const kept: Record<string, HostArray> = {};
          for (const name of names) {
            const value: PureFunction = ({images: x, ...p}) => ({y: leading(path.spec, p, x!, settled).values[name]!});
            kept[`kept/${name}`] = await call(value, {...values, images});
          }
          const rest = await call(
            (given) => {
              const start = {settled, values: Object.fromEntries(names.map((name) => [name, given[`kept/${name}`]!]))};
              return {y: forward(path.spec, given, null, undefined, start).logits};
            },
            {...values, ...kept},
          );
          expect(bitEqual(rest, whole), JSON.stringify(settled)).to.equal(true);
        }
      } finally {
        await engine.dispose();
      }
    });
  }
});
