import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {decodeSafetensors, encodeSafetensors, type Network} from '@accrete/core';
import {type HostArray, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {mergeFiles, mergeNetworks, mergers} from '../../src/index.ts';
import {useEngine} from '../support/engine.ts';
import {refusalOf} from '../support/refusal.ts';
import {freshNetwork, withNumbers} from '../support/subjects.ts';

describe('mergeFiles', () => {
  const engine = useEngine();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'accrete-merge-'));
  });
  afterEach(() => rmSync(folder, {recursive: true}));

  const file = (name: string, arrays: Readonly<Record<string, HostArray>>): string => {
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, encodeSafetensors({arrays, metadata: {}}));
    return path;
  };
  /** The arrays of a network in two shards with an index. */
  const shards = (name: string, {parameters}: Network): string => {
    const paths = Object.keys(parameters);
    const map = Object.fromEntries(paths.map((path, i) => [path, `${name}-${i % 2}.safetensors`]));
    for (const half of [0, 1]) {
      const own = paths.filter((_, i) => i % 2 === half).map((path) => [path, parameters[path]!] as const);
      file(`${name}-${half}`, Object.fromEntries(own));
    }
    const index = join(folder, `${name}.safetensors.index.json`);
    writeFileSync(index, JSON.stringify({weight_map: map}));
    return index;
  };
  const base = freshNetwork(4, [7, 5], 1);
  const networks = [2, 3, 4].map((seed) => freshNetwork(4, [7, 5], seed));
  const out = (): string => join(folder, 'merged.safetensors');

  // Changes that cancel each other, so that the sign of most others decides: the last word comes after the first pass.
  const tied = (sign: number): Network => {
    const {data} = base.parameters['head/segment:0/bias']!;
    return withNumbers(base, 'head/segment:0/bias', ...data.map((value, i) => value + (i === 0 ? sign * 0.5 : 0.25)));
  };

  for (const config of [
    {kind: 'average'},
    {kind: 'task-arithmetic', scale: 0.3},
    {kind: 'ties', density: 0.3},
    {kind: 'ties', density: 1},
  ] as const) {
    it(`${JSON.stringify(config)}: of whole files and of shards, gives what merging in memory does, bit for bit`, async () => {
      for (const members of [networks, [tied(1), tied(-1)]]) {
        const merger = mergers.parse(config);
        const inputs = {base, networks: members, data: []};
        const expected = await mergeNetworks(merger, inputs, {engine: engine(), seeds: seedStream(1)});
        const files = members.map((network, t) =>
          t === 1 ? shards(`n${t}`, network) : file(`n${t}`, network.parameters),
        );
        const shares: number[] = [];
        mergeFiles(merger, {
          base: file('base', base.parameters),
          networks: files,
          out: out(),
          report: (done) => shares.push(done),
        });
        const {arrays} = decodeSafetensors(readFileSync(out()), 'merged');
        expect(Object.keys(arrays).sort()).to.deep.equal(Object.keys(base.parameters).sort());
        for (const [name, array] of Object.entries(arrays))
          expect(array, name).to.deep.equal(expected.parameters[name]);
        expect(shares.at(-1)).to.equal(1);
        expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
      }
    });
  }

  it('the majority settles what cancels: the weight moves by what agrees with it', async () => {
    const ties = mergers.parse({kind: 'ties', density: 1});
    mergeFiles(ties, {
      base: file('base', base.parameters),
      networks: [file('up', tied(1).parameters), file('down', tied(-1).parameters)],
      out: out(),
    });
    const {arrays} = decodeSafetensors(readFileSync(out()), 'merged');
    const before = base.parameters['head/segment:0/bias']!.data[0]!;
    expect((arrays['head/segment:0/bias']!.data as Float32Array)[0]).to.be.closeTo(before + 0.5, 1e-6);
  });

  it('refuses, writing nothing: other shapes, other arrays, numbers that are none, methods that look further', async () => {
    const good = file('base', base.parameters);
    const merge = (kind: object, ...files: string[]) =>
      mergeFiles(mergers.parse(kind), {base: good, networks: files, out: out()});
    const {'layer0/base/bias': bias, ...rest} = networks[0]!.parameters;
    const other = file('other', {...rest, 'layer1/base/bias': bias!, extra: bias!});
    const {message} = await refusalOf('E_SHAPE', () => merge({kind: 'ties'}, other));
    expect(message)
      .to.contain('layer0/base/bias is missing')
      .and.to.contain('layer1/base/bias is [7], expected [5]')
      .and.to.contain('extra is extra');
    const wild = file('wild', withNumbers(networks[0]!, 'layer1/base/bias', 1, 2, Number.NaN, 4, 5).parameters);
    expect((await refusalOf('E_NON_FINITE', () => merge({kind: 'average'}, wild))).message).to.contain(
      'layer1/base/bias',
    );
    await refusalOf('E_COMBINATION', () => merge({kind: 'dare'}, good));
    await refusalOf('E_COMBINATION', () => merge({kind: 'average'}));
    await refusalOf('E_FILE', () => merge({kind: 'average'}, join(folder, 'missing.safetensors')));
    await refusalOf('E_COMBINATION', () =>
      mergeFiles(mergers.parse({kind: 'ties'}), {base: null, networks: [good], out: out()}),
    );
    expect(existsSync(out())).to.equal(false);
    const nowhere = join(folder, 'no/such/merged.safetensors');
    await refusalOf('E_FILE', () =>
      mergeFiles(mergers.parse({kind: 'average'}), {base: null, networks: [good], out: nowhere}),
    );
  });
});
