import {gzipSync} from 'node:zlib';
import {isHarnessError} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {gunzip} from '../../src/decode/gunzip.ts';
import {tarMembers} from '../../src/decode/tar.ts';
import {dataErrorOf} from '../support/rejection.ts';
import {tarOf} from '../support/tar.ts';

describe('gunzip', () => {
  it('gives back what was compressed', async () => {
    expect(Buffer.from(await gunzip(gzipSync('accrete'), 7)).toString()).to.equal('accrete');
  });

  it('refuses what is not gzip, is cut short, is damaged, or unfolds to more than it may', async () => {
    const packed = gzipSync(new Uint8Array(100_000));
    const damaged = Uint8Array.from(packed);
    damaged[packed.length - 6]! ^= 1;
    expect((await dataErrorOf(() => gunzip(new Uint8Array(50), 100))).message).to.contain('expected whole gzip data');
    expect((await dataErrorOf(() => gunzip(packed.subarray(0, 60), 1e6))).message).to.contain('got 60 bytes');
    expect((await dataErrorOf(() => gunzip(damaged, 1e6))).message).to.contain('do not unpack');
    expect((await dataErrorOf(() => gunzip(packed, 99_999))).message).to.contain('at most 99999 bytes');
  });
});

describe('tarMembers', () => {
  const members = {
    'a/one.bin': Uint8Array.of(1, 2, 3),
    '../../evil': Uint8Array.of(6),
    'a/two.bin': new Uint8Array(700),
  };
  const archive = tarOf(members);

  it('finds members by their exact names and nothing else', () => {
    const found = tarMembers(archive, ['a/two.bin', 'a/one.bin']);
    expect([...found.keys()].sort()).to.deep.equal(['a/one.bin', 'a/two.bin']);
    expect([...found.get('a/one.bin')!]).to.deep.equal([1, 2, 3]);
    expect(found.get('a/two.bin')!.length).to.equal(700);
  });

  it('refuses what is missing, doubled, cut short or damaged', async () => {
    const damaged = Uint8Array.from(archive);
    damaged[10] = 7;
    const doubled = Buffer.concat([archive.subarray(0, 1024), archive]);
    expect((await dataErrorOf(() => tarMembers(archive, ['b', 'a/one.bin']))).message).to.contain('lacks b');
    expect((await dataErrorOf(() => tarMembers(doubled, ['a/one.bin']))).message).to.contain('there twice');
    expect((await dataErrorOf(() => tarMembers(archive.subarray(0, 513), ['a/one.bin']))).message).to.contain(
      'truncated',
    );
    expect((await dataErrorOf(() => tarMembers(damaged, ['a/one.bin']))).message).to.contain('damaged tar header');
  });

  it('does not take a link for a file', async () => {
    const link = Uint8Array.from(archive);
    link[156] = 0x32;
    link[153] = link[153]!;
    // The type went from "0" to "2": the checksum, six octal digits at 148, goes up by two.
    const sum = Number.parseInt(Buffer.from(link.subarray(148, 154)).toString(), 8) + 2;
    link.set(Buffer.from(sum.toString(8).padStart(6, '0')), 148);
    expect((await dataErrorOf(() => tarMembers(link, ['a/one.bin']))).message).to.contain('lacks a/one.bin');
  });

  it('answers damage with an error or with parts of the archive', () => {
    fc.assert(
      fc.property(fc.nat(archive.length), fc.array(fc.tuple(fc.nat(archive.length), fc.nat(255))), (cut, changes) => {
        const bytes = Uint8Array.from(archive);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const found of tarMembers(bytes.subarray(0, cut), ['a/one.bin']).values()) {
            expect(found.buffer).to.equal(bytes.buffer);
          }
        } catch (error) {
          if (!isHarnessError(error)) throw error;
        }
      }),
      {numRuns: 500},
    );
  });
});
