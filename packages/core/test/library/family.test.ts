import {createEngine, type Engine} from '@accrete/engine';
import {bitEqual} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {
  aggregators,
  artefactOf,
  attachModule,
  computations,
  detachModules,
  growHead,
  loadModule,
  mergeModule,
  saveModule,
  validateNetwork,
} from '../../src/index.ts';
import {type Case, cases} from '../modules/cases.ts';
import {grownBy, seeds} from '../support/artefacts.ts';
import {network} from '../support/networks.ts';
import {predict} from '../support/predict.ts';
import {temporaryFolder} from '../support/temporary.ts';

/** Every kind of module that can stand beside a dense layer. */
const beside = computations.kinds.flatMap((kind) =>
  ((cases[kind] ?? []) as readonly Case[]).filter(({at}) => at === 'dense').map(({config}) => config),
);

describe('every kind of module, through the library', () => {
  const folder = temporaryFolder();
  beside.forEach((config, i) => {
    it(`${JSON.stringify(config)} is saved, loaded, attached and detached to the bit`, () => {
      const base = network({hidden: [4]});
      const source = grownBy([0], computations.validate(config), base);
      const artefact = artefactOf(source, 'layer0/module:0');
      saveModule(folder(), `m${i}`, artefact);
      const loaded = loadModule(folder(), `m${i}`);
      expect(loaded.manifest).to.deep.equal(artefact.manifest);
      const attached = attachModule(base, loaded, {task: 0}, seeds.fork('elsewhere')).network;
      validateNetwork(attached);
      expect(attached.topology).to.deep.equal(source.topology);
      for (const [path, array] of Object.entries(source.parameters)) {
        expect(bitEqual(attached.parameters[path]!, array), path).to.equal(true);
      }
      const back = detachModules(attached, ['layer0/module:0']);
      expect(back).to.deep.equal(base);
    });
  });
});

describe('every kind of module that composes with parameters, merged into its base', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'onnx'});
  });
  after(() => engine.dispose());

  for (const config of beside.filter((config) => computations.parse(config).compose)) {
    for (const aggregation of ['sum', 'mixture', 'parameter-average']) {
      const place = {inputs: 4, units: 4, beside: computations.validate({kind: 'dense'})};
      if (aggregators.parse({kind: aggregation}).refusal(place, computations.parse(config)) !== null) continue;
      it(`${JSON.stringify(config)} under ${aggregation}: the same function`, async () => {
        const base = network({hidden: [4], aggregation: {kind: aggregation}});
        const grown = growHead(grownBy([0], computations.validate(config), base), 0, [0, 1], seeds).network;
        const images = [
          [0, 50, 100, 255],
          [200, 3, 0, 77],
        ];
        const before = await predict(engine, grown, 0, images);
        const {network: merged} = await mergeModule(engine, grown, 'layer0/module:0');
        expectClose((await predict(engine, merged, 0, images)).logits.data, before.logits.data, {absolute: 1e-5});
      });
    }
  }
});
