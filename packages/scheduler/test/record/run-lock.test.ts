import {spawn, spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import {lockRun} from '../../src/record/run-lock.ts';
import {inFolder} from '../support/folder.ts';
import {refusalOf} from '../support/refusal.ts';

describe("a run folder's lock", () => {
  it('holds the id of the process and its machine, and is gone when given back', () =>
    inFolder(async (folder) => {
      const release = lockRun(folder);
      expect(readFileSync(join(folder, 'lock'), 'utf8')).to.equal(`${process.pid} ${hostname()}`);
      expect(readdirSync(folder)).to.deep.equal(['lock']);
      release();
      expect(readdirSync(folder)).to.deep.equal([]);
      lockRun(folder)();
    }));

  it('keeps out a second taker in the same process', () =>
    inFolder(async (folder) => {
      const release = lockRun(folder);
      await refusalOf('E_EXISTS', () => lockRun(`${folder}/.`));
      release();
    }));

  it('keeps out others while its process lives, and is taken over once it is gone', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'lock');
      const holder = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      writeFileSync(file, `${holder.pid} ${hostname()}`);
      const {message} = await refusalOf('E_EXISTS', () => lockRun(folder));
      expect(message).to.contain(`is being written by process ${holder.pid}. Wait for it to end, or stop it.`);
      expect(readFileSync(file, 'utf8')).to.equal(`${holder.pid} ${hostname()}`);
      const gone = new Promise((resolve) => holder.once('exit', resolve));
      holder.kill('SIGKILL');
      await gone;
      const release = lockRun(folder);
      expect(readFileSync(file, 'utf8')).to.equal(`${process.pid} ${hostname()}`);
      expect(readdirSync(folder)).to.deep.equal(['lock']);
      release();
    }));

  it('is taken over where it holds no process id, or the id of this process from an earlier life', () =>
    inFolder(async (folder) => {
      const {pid} = spawnSync(process.execPath, ['-e', '']);
      for (const left of ['', 'nonsense', '-1', String(process.pid), String(pid), `${pid} ${hostname()}`]) {
        writeFileSync(join(folder, 'lock'), left);
        lockRun(folder)();
        expect(existsSync(join(folder, 'lock')), left).to.equal(false);
      }
    }));

  it('stays where a process on another machine left it, and says how to go on', () =>
    inFolder(async (folder) => {
      const {pid} = spawnSync(process.execPath, ['-e', '']);
      const file = join(folder, 'lock');
      writeFileSync(file, `${pid} another-node`);
      const {message} = await refusalOf('E_EXISTS', () => lockRun(folder));
      expect(message).to.contain(
        `was taken by process ${pid} on another-node. Wait for it to end; if it is gone, remove`,
      );
      expect(readdirSync(folder)).to.deep.equal(['lock']);
      expect(readFileSync(file, 'utf8')).to.equal(`${pid} another-node`);
    }));

  it('says what to do where it cannot be written', () =>
    inFolder(async (folder) => {
      const {message} = await refusalOf('E_FILE', () => lockRun(join(folder, 'missing')));
      expect(message).to.contain('cannot lock the run folder').and.to.contain('ENOENT');
    }));
});
