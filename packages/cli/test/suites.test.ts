import {readdirSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {architectures} from '@accrete/core';
import {datasets} from '@accrete/data';
import {canonicalJson, seedStream} from '@accrete/kit';
import {defineExperiment, type RunConfig, strategies, streams} from '@accrete/scheduler';
import {expect} from 'chai';
import {readConfigFile} from '../src/commands/config-file.ts';

const folder = resolve(import.meta.dirname, '../../../benchmarks');
/** Other commands' configs are no experiments. */
const others = ['posthoc.yaml'];
const suites = [folder, join(folder, 'reproduce')]
  .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
  .filter((file) => file.endsWith('.yaml') && !others.some((name) => file === join(folder, name)));
const named = (name: string) => defineExperiment(readConfigFile(join(folder, name)));

/** What of a run's network does not depend on its seed. */
const networkOf = ({network, stream, head}: RunConfig) =>
  canonicalJson({network, head, dataset: streams.parse(stream).dataset});

describe('the suites in benchmarks', () => {
  it('are there', () => {
    expect(suites.map((file) => file.slice(folder.length + 1))).to.include.members([
      'quick.yaml',
      'classic.yaml',
      'growth.yaml',
      'example.yaml',
      join('reproduce', 'R02-si.yaml'),
    ]);
  });

  for (const file of suites) {
    it(`${file.slice(folder.length + 1)}: every run of it is valid, and its networks can be built`, () => {
      const {runs} = defineExperiment(readConfigFile(file));
      expect(runs.length).to.be.above(0);
      const networks = new Map(runs.map((config) => [networkOf(config), config]));
      for (const {network, stream} of networks.values()) {
        const info = datasets.parse(streams.parse(stream).dataset).info();
        const pixels = () => ({mean: [0.5], sd: [0.5]});
        const input = {kind: 'image', shape: info.imageShape, pixels} as const;
        const classes = info.classes.map((_, label) => label);
        const built = architectures.parse(network).build({input, head: 'single', classes}, seedStream(0));
        expect(Object.keys(built.parameters).length).to.be.above(0);
      }
    });
  }

  it('classic has every strategy there is, each in every scenario of its stream', () => {
    const {runs} = named('classic.yaml');
    const kinds = new Set(runs.flatMap(({strategy}) => strategy.map(({kind}) => kind)));
    expect([...strategies.kinds].filter((kind) => !kinds.has(kind))).to.deep.equal([], 'missing from classic.yaml');
    const labels = new Set(runs.map(({label}) => label)).size;
    const places = new Set(runs.map(({stream, scenario}) => `${stream.kind} ${scenario}`));
    expect([...places]).to.have.members([
      'split-classes task-incremental',
      'split-classes domain-incremental',
      'split-classes class-incremental',
      'permuted task-incremental',
      'permuted domain-incremental',
    ]);
    expect(runs.length).to.equal(labels * places.size * 5);
  });

  it('reproduce has a file and a published band for every row, or says which row it changes', () => {
    const rows = readConfigFile(join(folder, 'reproduce/rows.json')) as readonly Record<string, unknown>[];
    const named = new Map(rows.map((row) => [row['row'], row]));
    for (const row of rows) {
      const {band, published} = row['of'] === undefined ? row : named.get(row['of'])!;
      const [lower, upper] = band as [number, number];
      expect(published).to.be.within(lower, upper);
      // What is changed is ours, in a file of its own, or theirs.
      expect([row['file'], row['of']].some((value) => value !== undefined)).to.equal(true);
    }
    const files = readdirSync(join(folder, 'reproduce')).filter((name) => name.endsWith('.yaml'));
    expect(rows.flatMap(({file}) => (file === undefined ? [] : [file]))).to.have.members(files);
  });
});
