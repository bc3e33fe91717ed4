import {mkdir, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {isHarnessError} from '@accrete/kit';
import {expect} from 'chai';
import {defaultCacheFolder} from '../../src/cache/folder.ts';
import {fileSource} from '../../src/sets/file-source.ts';
import {datasets, listDatasets} from '../../src/sets/registry.ts';
import {standardisation} from '../../src/statistics/standardisation.ts';
import {inFolder} from '../support/temporary.ts';
import {provider, tinyContents, tinySet} from '../support/tiny-set.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (isHarnessError(error)) return error.code;
    throw error;
  }
  return 'none';
};

describe('datasets', () => {
  it('has the seven kinds, each with a source that is cited', () => {
    expect(datasets.kinds).to.deep.equal([
      'fashion-mnist',
      'mnist',
      'kmnist',
      'cifar-10',
      'cifar-100',
      'mnist-10k',
      'procedural',
    ]);
    for (const kind of datasets.kinds) {
      const {source} = datasets.describe(kind);
      expect(source.cite).to.match(/\d{4}/);
      expect(source.url).to.match(/^https:/);
    }
  });

  it('refuses kinds and options that it does not know', () => {
    expect(codeOf(() => datasets.parse({kind: 'imagenet'}))).to.equal('E_UNKNOWN');
    expect(codeOf(() => datasets.parse({kind: 'mnist', fallback: 'guess'}))).to.equal('E_CONFIG');
    expect(codeOf(() => datasets.parse({kind: 'procedural', clases: 3}))).to.equal('E_CONFIG');
    expect(codeOf(() => datasets.create({kind: 'procedural', classes: 1}))).to.equal('E_CONFIG');
    expect(codeOf(() => datasets.create({kind: 'procedural', size: 256, trainPerClass: 1e7}))).to.equal('E_CONFIG');
    // @ts-expect-error an option that mnist does not have
    expect(codeOf(() => datasets.create({kind: 'mnist', seed: 3}))).to.equal('E_CONFIG');
  });

  it('states lengths and hashes of every file, and where it is looked for', () => {
    for (const kind of datasets.kinds) {
      const info = datasets.parse({kind}).info({cacheFolder: '/x'});
      expect(info.files.length === 0).to.equal(kind === 'procedural');
      for (const file of info.files) {
        expect(file.sha256).to.match(/^[0-9a-f]{64}$/);
        expect(file.sizeBytes).to.be.above(1000);
      }
      if (kind !== 'procedural') expect(info.lookedFor[0]).to.equal(`cache /x/datasets/${kind}`);
      expect(new Set(info.classes).size).to.equal(info.classes.length);
    }
  });
});

describe('listDatasets', () => {
  it('tells what the cache holds', () =>
    inFolder(async (cacheFolder) => {
      const folder = join(cacheFolder, 'datasets', 'mnist-10k');
      await mkdir(folder, {recursive: true});
      const {files} = datasets.create({kind: 'mnist-10k'}).info();
      for (const {name, sizeBytes} of files) await writeFile(join(folder, name), new Uint8Array(sizeBytes));
      await writeFile(join(folder, 'origin.txt'), 'a friend\n');
      const list = await listDatasets({cacheFolder});
      expect(list.filter((item) => item.present).map((item) => item.kind)).to.deep.equal(['mnist-10k', 'procedural']);
      const tenK = list.find((item) => item.kind === 'mnist-10k')!;
      expect(tenK).to.include({origin: 'a friend', folder, generated: false});
      expect(tenK.sizeBytes).to.equal(files.reduce((sum, file) => sum + file.sizeBytes, 0));
    }));
});

describe('the fallback', () => {
  it('is taken only where it is asked for, and says so in the notes', () =>
    inFolder(async (cacheFolder) => {
      const set = tinySet(provider('down', new Error('no route')));
      const [refused] = await Promise.allSettled([fileSource(set, {fallback: 'none'}).load({cacheFolder})]);
      expect(refused.status).to.equal('rejected');
      const said: string[] = [];
      const bigger = {...set, imageShape: [9, 9, 1] as const};
      const source = fileSource(bigger, {fallback: 'procedural'});
      const dataset = await source.load({cacheFolder, report: (message) => said.push(message)});
      expect(dataset).to.deep.include({name: 'procedural', origin: 'generated', imageShape: [9, 9, 1]});
      expect(dataset.train.examples).to.equal(15);
      expect(dataset.notes).to.deep.equal([
        'tiny could not be had: generated images stand in for it. Its published results do not apply.',
      ]);
      expect(said.at(-1)).to.contain('down: no route').and.to.contain('generated images stand in');
    }));

  it('is not taken where a source answers, nor for other errors', () =>
    inFolder(async (cacheFolder) => {
      const set = tinySet(provider('up', tinyContents));
      const real = await fileSource(set, {fallback: 'procedural'}).load({cacheFolder});
      expect(real.name).to.equal('tiny');
      const broken = {...set, decode: () => Promise.reject(new Error('bug'))};
      const error = await fileSource(broken, {fallback: 'procedural'})
        .load({cacheFolder})
        .catch((e: Error) => e);
      expect(error).to.have.property('message', 'bug');
    }));
});

describe('the cache folder', () => {
  it("is the user's", () => {
    expect(defaultCacheFolder({ACCRETE_DATA: '/d', XDG_CACHE_HOME: '/x'})).to.equal('/d');
    expect(defaultCacheFolder({XDG_CACHE_HOME: '/x'})).to.equal('/x/accrete');
    expect(defaultCacheFolder({XDG_CACHE_HOME: 'relative'})).to.equal(join(homedir(), '.cache', 'accrete'));
    expect(defaultCacheFolder({})).to.equal(join(homedir(), '.cache', 'accrete'));
  });
});

describe('standardisation', () => {
  it('is of the training pixels, by channel: a worked example', () => {
    const dataset = {
      name: 'x',
      imageShape: [1, 2, 2] as const,
      classes: ['a'],
      train: {images: Uint8Array.of(0, 51, 255, 51), labels: Uint8Array.of(0), examples: 1},
      test: {images: Uint8Array.of(9, 9, 9, 9), labels: Uint8Array.of(0), examples: 1},
      contentHash: '',
      origin: '',
      notes: [],
    };
    expect(standardisation(dataset)).to.deep.equal({mean: [0.5, 0.2], sd: [0.5, 0]});
  });
});
