import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {fileError, messageOf, writeFileAtomic, writeWhole} from '../../src/index.ts';
import {useFolder} from '../support/temporary.ts';
import {thrown} from '../support/thrown.ts';

describe('atomic writes', () => {
  const folder = useFolder();
  const file = (): string => join(folder(), 'deep', 'er', 'a.json');

  it('make the folder, write text as UTF-8 or bytes, replace what was there, and leave nothing beside it', () => {
    writeFileAtomic(file(), 'größer');
    expect(readFileSync(file(), 'utf8')).to.equal('größer');
    writeFileAtomic(file(), Uint8Array.of(1, 2));
    expect([...readFileSync(file())]).to.deep.equal([1, 2]);
    writeFileAtomic(file(), '');
    expect(readFileSync(file()).length).to.equal(0);
    expect(readdirSync(join(folder(), 'deep', 'er'))).to.deep.equal(['a.json']);
  });

  it('remove the temporary file where they fail, and leave the target as it was', () => {
    mkdirSync(join(file(), 'occupied'), {recursive: true});
    const error = thrown(() => writeFileAtomic(file(), 'x'));
    expect(error.code).to.equal('E_FILE');
    expect(error.message).to.contain(`cannot write at ${file()}`);
    expect(readdirSync(join(folder(), 'deep', 'er'))).to.deep.equal(['a.json']);
    expect(existsSync(join(file(), 'occupied'))).to.equal(true);
  });

  it('say what to do where a part of the path is a file', () => {
    writeFileSync(join(folder(), 'deep'), 'a file');
    expect(thrown(() => writeFileAtomic(file(), 'x')).message).to.match(
      /E_FILE: cannot write at .*choose another folder/,
    );
  });

  it('say what to do where the disk is full, may not be written, or is read-only', () => {
    const remedies = {
      ENOSPC: /disk is full: free some space.*accrete resume/,
      EDQUOT: /quota is used up: free some space/,
      EACCES: /may not write there: choose another folder/,
      EPERM: /may not write there: choose another folder/,
      EROFS: /read-only: choose another folder/,
      ENOTDIR: /is a file, not a folder/,
      EMFILE: /Check the path and its permissions/,
    };
    for (const [code, remedy] of Object.entries(remedies)) {
      const cause = Object.assign(new Error(`${code}: it failed`), {code});
      const error = fileError('write the event log', '/x/events.jsonl', cause);
      expect(error.message).to.match(remedy).and.to.contain('cannot write the event log at /x/events.jsonl');
      expect(error).to.include({code: 'E_FILE', cause});
      expect(error.details).to.deep.equal({file: '/x/events.jsonl', reason: code});
    }
    expect(fileError('read', '/x', new Error('y'), 'E_RECORD').code).to.equal('E_RECORD');
  });

  it('say so of a real full disk, as Linux has one', () => {
    const full = '/dev/full';
    const handle = existsSync(full) ? openSync(full, 'w') : undefined;
    if (handle === undefined) return;
    try {
      expect(() => writeWhole(handle, new Uint8Array(10))).to.throw('ENOSPC');
      writeWhole(handle, new Uint8Array(0));
    } catch (error) {
      expect.fail(messageOf(error));
    } finally {
      closeSync(handle);
    }
  });

  it('are whole or not there, whenever one looks and also where the writer is killed', async () => {
    const target = join(folder(), 'big');
    const index = join(import.meta.dirname, '../../src/index.ts');
    const code = `import {writeFileAtomic} from ${JSON.stringify(index)};
      for (let i = 0; ; i++) writeFileAtomic(${JSON.stringify(target)}, new Uint8Array(3e6).fill(i % 2 ? 65 : 66));`;
    const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', code]);
    try {
      await appears(target, child);
      for (let look = 0; look < 50; look++) expectWhole(target);
    } finally {
      child.kill('SIGKILL');
      await new Promise((done) => child.once('close', done));
    }
    expectWhole(target);
  });
});

async function appears(target: string, child: ChildProcess): Promise<void> {
  let complaint = '';
  child.stderr!.on('data', (text) => {
    complaint += String(text);
  });
  while (!existsSync(target)) {
    if (child.exitCode !== null) throw new Error(complaint);
    await new Promise((done) => setTimeout(done, 10));
  }
}

function expectWhole(target: string): void {
  const bytes = readFileSync(target);
  expect(bytes.length).to.equal(3e6);
  expect(bytes.equals(Buffer.alloc(3e6, bytes[0])), 'one content').to.equal(true);
}
