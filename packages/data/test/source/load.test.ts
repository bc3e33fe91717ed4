import {chmod, mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {expect} from 'chai';
import type {LoadContext} from '../../src/source/context.ts';
import {loadFileSet} from '../../src/source/load.ts';
import {systemFolder} from '../../src/source/system-folder.ts';
import {dataErrorOf} from '../support/rejection.ts';
import {inFolder} from '../support/temporary.ts';
import {provider, tinyContents, tinySet} from '../support/tiny-set.ts';

const wrong = new Map([...tinyContents].map(([name]) => [name, new Uint8Array(60)]));

describe('loadFileSet', () => {
  it('takes the first provider that answers, keeps its files, and reads them from the cache next time', () =>
    inFolder(async (cacheFolder) => {
      const down = provider('down', new Error('no route'));
      const up = provider('up', tinyContents);
      const never = provider('never', tinyContents);
      const set = tinySet(down, up, never);
      const first = await loadFileSet(set, {cacheFolder});
      expect(first.origin).to.equal('up');
      expect(first.train.images).to.deep.equal(tinyContents.get('train.bin'));
      const folder = join(cacheFolder, 'datasets', 'tiny');
      expect((await readdir(folder)).sort()).to.deep.equal(['origin.txt', 'test.bin', 'train.bin']);
      expect(await readFile(join(folder, 'origin.txt'), 'utf8')).to.equal('up\n');
      const second = await loadFileSet(set, {cacheFolder, offline: true});
      expect(second).to.deep.equal({...first, origin: 'cache'});
      expect([down.asked, up.asked, never.asked]).to.deep.equal([1, 1, 0]);
    }));

  it('lists every source, its reason and the way out where none answers', () =>
    inFolder(async (cacheFolder) => {
      const set = tinySet(
        systemFolder(join(cacheFolder, 'nowhere')),
        provider('address', new Error('getaddrinfo ENOTFOUND'), true),
        provider('mirror', wrong, true),
      );
      const error = await dataErrorOf(() => loadFileSet(set, {cacheFolder}));
      const lines = error.message.split('\n');
      expect(lines[0]).to.equal('E_DATA: tiny could not be had. Tried, in order:');
      expect(lines[1]).to.equal(`  - cache ${join(cacheFolder, 'datasets', 'tiny')}: it has none of the files`);
      expect(lines[2]).to.equal(`  - system folder ${join(cacheFolder, 'nowhere')}: there is no such folder`);
      expect(lines[3]).to.equal('  - address: getaddrinfo ENOTFOUND');
      expect(lines[4]).to.match(
        /^ {2}- mirror: train.bin: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}; test.bin: /,
      );
      expect(lines[5]).to.match(/^What to do: connect .* ACCRETE_DATA; .*"fallback: procedural"/);
    }));

  it('tries no network when offline, and says so', () =>
    inFolder(async (cacheFolder) => {
      const address = provider('address', tinyContents, true);
      const error = await dataErrorOf(() => loadFileSet(tinySet(address), {cacheFolder, offline: true}));
      expect(error.message).to.contain('  - address: not tried: offline was asked for');
      expect(address.asked).to.equal(0);
    }));

  it('reads a system folder, plain or gzipped, without changing it', () =>
    inFolder(async (folder) => {
      const system = join(folder, 'system');
      await mkdir(system);
      await writeFile(join(system, 'train.bin'), tinyContents.get('train.bin')!);
      await writeFile(join(system, 'test.bin.gz'), gzipSync(tinyContents.get('test.bin')!));
      const dataset = await loadFileSet(tinySet(systemFolder(system)), {cacheFolder: folder});
      expect(dataset.origin).to.equal(`system folder ${system}`);
      expect(dataset.test.images).to.deep.equal(Uint8Array.from(tinyContents.get('test.bin')!));
      expect((await readdir(system)).sort()).to.deep.equal(['test.bin.gz', 'train.bin']);
    }));

  const damages: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['corrupt', new Uint8Array(60), /expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/],
    ['truncated', tinyContents.get('test.bin')!.subarray(0, 59), /expected 60 bytes, got 59/],
    ['empty', new Uint8Array(0), /expected 60 bytes, got 0/],
  ];
  for (const [name, bytes, reason] of damages) {
    it(`keeps a ${name} cached file aside, says so, and asks the next source`, () =>
      inFolder(async (cacheFolder) => {
        const set = tinySet(provider('up', tinyContents));
        const whole = await loadFileSet(set, {cacheFolder});
        const folder = join(cacheFolder, 'datasets', 'tiny');
        for (const n of [1, 2]) {
          await writeFile(join(folder, 'test.bin'), bytes);
          const said: string[] = [];
          const again = await loadFileSet(set, {cacheFolder, report: (message) => said.push(message)});
          expect(again).to.deep.equal(whole);
          expect(said[0])
            .to.match(/^tiny: the cache is damaged: test.bin: /)
            .and.match(reason);
          expect(said[0]).to.contain(`kept aside as ${join(folder, 'test.bin')}.bad-${n}`);
          expect(new Uint8Array(await readFile(join(folder, `test.bin.bad-${n}`)))).to.deep.equal(
            Uint8Array.from(bytes),
          );
        }
        expect(new Uint8Array(await readFile(join(folder, 'test.bin')))).to.deep.equal(tinyContents.get('test.bin'));
      }));
  }

  it('names the damage in the error where no other source answers', () =>
    inFolder(async (cacheFolder) => {
      await loadFileSet(tinySet(provider('up', tinyContents)), {cacheFolder});
      await writeFile(join(cacheFolder, 'datasets', 'tiny', 'test.bin'), 'short');
      const error = await dataErrorOf(() => loadFileSet(tinySet(), {cacheFolder}));
      expect(error.message).to.contain('test.bin: expected 60 bytes, got 5; kept aside as');
    }));

  it('gives the data also where the cache cannot be written', () =>
    inFolder(async (folder) => {
      const cacheFolder = join(folder, 'a-file');
      await writeFile(cacheFolder, '');
      await chmod(cacheFolder, 0o400);
      const said: string[] = [];
      const context: LoadContext = {cacheFolder, report: (message) => said.push(message)};
      const dataset = await loadFileSet(tinySet(provider('up', tinyContents)), context);
      expect(dataset.origin).to.equal('up');
      expect(said.at(-1)).to.contain('it could not be kept in');
    }));

  it('stops where it is aborted, and asks no further source', () =>
    inFolder(async (cacheFolder) => {
      const controller = new AbortController();
      const next = provider('next', tinyContents);
      const first = provider('first', new Error('aborted'));
      const aborting = {...first, fetch: async () => controller.abort(new Error('enough')) as never};
      const error = await loadFileSet(tinySet(aborting, next), {cacheFolder, signal: controller.signal}).catch(
        (e) => e,
      );
      expect(error).to.have.property('message', 'enough');
      expect(next.asked).to.equal(0);
      const fresh = new AbortController();
      const last = {...first, fetch: async () => fresh.abort(new Error('enough')) as never};
      const atLast = await loadFileSet(tinySet(last), {cacheFolder, signal: fresh.signal}).catch((e) => e);
      expect(atLast).to.have.property('message', 'enough');
    }));

  it('serves many loads at once', () =>
    inFolder(async (cacheFolder) => {
      const set = tinySet(provider('up', tinyContents));
      const loads = await Promise.all(Array.from({length: 20}, () => loadFileSet(set, {cacheFolder})));
      expect(new Set(loads.map((dataset) => dataset.contentHash)).size).to.equal(1);
      const left = await readdir(join(cacheFolder, 'datasets', 'tiny'));
      expect(left.sort()).to.deep.equal(['origin.txt', 'test.bin', 'train.bin']);
    }));
});
