import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {createServer} from 'node:net';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {sha256} from '@accrete/kit';
import {expect} from 'chai';
import {download} from '../../src/source/download.ts';
import {dataErrorOf} from '../support/rejection.ts';
import {serve, serveCut, withServer} from '../support/server.ts';
import {inFolder} from '../support/temporary.ts';

const bytes = Uint8Array.from(randomBytes(300_000));
const patience = {connectMs: 2000, idleMs: 300};

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Download from a server that answers so; gives what came of it, what was asked for, said and left in the folder. */
async function from(answer: Answer, prepare?: (folder: string) => Promise<unknown>) {
  return await inFolder(async (folder) => {
    await prepare?.(folder);
    const ranges: (string | undefined)[] = [];
    const said: string[] = [];
    return await withServer(
      (request, response) => {
        ranges.push(request.headers.range);
        answer(request, response, ranges.length);
      },
      async (url) => {
        const file = {url: `${url}file`, name: 'file.gz', sizeBytes: bytes.length, sha256: sha256(bytes)};
        const context = {folder, report: (message: string) => said.push(message), signal: undefined};
        const [result] = await Promise.allSettled([download(file, context, patience)]);
        const left = Object.fromEntries(
          await Promise.all((await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name))])),
        ) as Record<string, Uint8Array>;
        return {result, ranges, said, left};
      },
    );
  });
}

/** The bytes of a download that worked and left nothing behind. */
function whole({result, left}: Awaited<ReturnType<typeof from>>): Uint8Array {
  if (result.status === 'rejected') throw result.reason;
  expect(Object.keys(left)).to.deep.equal([]);
  return result.value;
}

async function failure({result}: Awaited<ReturnType<typeof from>>): Promise<string> {
  return (await dataErrorOf(() => (result.status === 'rejected' ? Promise.reject(result.reason) : undefined))).message;
}

describe('download', () => {
  it('brings a file and leaves nothing but it', async () => {
    const outcome = await from((request, response) => serve(bytes, request, response));
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
    expect(outcome.ranges).to.deep.equal([undefined]);
  });

  it('goes on where a cut connection stopped', async () => {
    const outcome = await from((request, response, n) =>
      n <= 3 ? serveCut(bytes, 60_000, request, response) : serve(bytes, request, response),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
    expect(outcome.ranges).to.deep.equal([undefined, 'bytes=60000-', 'bytes=120000-', 'bytes=180000-']);
    expect(outcome.said[0]).to.contain('going on at byte 60000');
  });

  it('goes on with what an earlier download left', async () => {
    const outcome = await from(
      (request, response) => serve(bytes, request, response),
      (folder) => writeFile(join(folder, 'file.gz.part'), bytes.subarray(0, 100_000)),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
    expect(outcome.ranges).to.deep.equal(['bytes=100000-']);
  });

  it('asks for nothing where all of it is there already', async () => {
    const outcome = await from(
      (request, response) => serve(bytes, request, response),
      (folder) => writeFile(join(folder, 'file.gz.part'), bytes),
    );
    expect(whole(outcome).length).to.equal(bytes.length);
    expect(outcome.ranges).to.deep.equal([]);
  });

  it('starts anew where the server knows no ranges', async () => {
    const outcome = await from(
      (request, response) => {
        delete request.headers.range;
        serve(bytes, request, response);
      },
      (folder) => writeFile(join(folder, 'file.gz.part'), new Uint8Array(100_000)),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
  });

  it('starts anew where the server cannot go on at that byte', async () => {
    const outcome = await from(
      (request, response) => {
        if (request.headers.range === undefined) serve(bytes, request, response);
        else response.writeHead(416).end();
      },
      (folder) => writeFile(join(folder, 'file.gz.part'), new Uint8Array(100_000)),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
  });

  it('starts anew where what is there is longer than the file', async () => {
    const outcome = await from(
      (request, response) => serve(bytes, request, response),
      (folder) => writeFile(join(folder, 'file.gz.part'), new Uint8Array(400_000)),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
  });

  it('keeps content of another hash aside, with both hashes in the error', async () => {
    const other = bytes.slice();
    other[5]! ^= 1;
    const outcome = await from((request, response) => serve(other, request, response));
    expect(await failure(outcome)).to.contain(`expected SHA-256 ${sha256(bytes)}, got ${sha256(other)}`);
    expect(Object.keys(outcome.left)).to.deep.equal(['file.gz.bad-1']);
  });

  it('passes a server error on', async () => {
    const outcome = await from((_request, response) => void response.writeHead(404).end('not here'));
    expect(await failure(outcome)).to.match(/\/file answered with status 404$/);
    expect(outcome.left).to.deep.equal({});
    expect(outcome.ranges.length).to.equal(1);
  });

  it('refuses a file that is too short or too long', async () => {
    const short = await from((request, response) => serve(bytes.subarray(0, 1000), request, response));
    expect(await failure(short)).to.contain('expected 300000 bytes, got 1000');
    const long = await from((request, response) => serve(Buffer.concat([bytes, bytes]), request, response));
    expect(await failure(long)).to.contain('expected 300000 bytes, got more');
  });

  it('gives up on a server that falls silent, and keeps what came', async () => {
    const outcome = await from((request, response) => {
      const start = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
      response.writeHead(start > 0 ? 206 : 200, {'content-range': `bytes ${start}-299999/300000`});
      response.write(start === 0 ? bytes.subarray(0, 70_000) : '');
    });
    expect(await failure(outcome)).to.contain('sent nothing for 0.3 s');
    expect(outcome.left['file.gz.part']!.length).to.equal(70_000);
  });

  it('fails fast where no connection comes about', async () => {
    await inFolder(async (folder) => {
      // Takes connections and never speaks: TLS is never established.
      const mute = createServer((socket) => socket.on('error', () => {}).resume());
      await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
      const {port} = mute.address() as {port: number};
      const file = {url: `https://127.0.0.1:${port}/f`, name: 'f', sizeBytes: 3, sha256: sha256('abc')};
      const context = {folder, report: () => {}, signal: undefined};
      const start = performance.now();
      const error = await dataErrorOf(() => download(file, context, {connectMs: 200, idleMs: 5000}));
      expect(error.message).to.contain('gave no connection within 0.2 s');
      expect(performance.now() - start).to.be.below(2000);
      await new Promise((resolve) => mute.close(resolve));
      const refused = await download(file, context, patience).catch((e: NodeJS.ErrnoException) => e);
      expect(refused).to.have.property('code', 'ECONNREFUSED');
    });
  });

  it('follows redirects, but not in circles', async () => {
    const outcome = await from((request, response, n) =>
      n < 4 ? void response.writeHead(302, {location: `/hop${n}`}).end() : serve(bytes, request, response),
    );
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
    const circle = await from((_request, response) => void response.writeHead(301, {location: '/file'}).end());
    expect(await failure(circle)).to.contain('redirects more than 5 times');
    const away = await from(
      (_request, response) => void response.writeHead(301, {location: 'file:///etc/passwd'}).end(),
    );
    expect(await failure(away)).to.contain('redirects to file://');
  });

  it('takes gzip content as it is, also where the server calls it an encoding', async () => {
    const outcome = await from((request, response) => {
      response.setHeader('content-encoding', 'gzip');
      serve(bytes, request, response);
    });
    expect(sha256(whole(outcome))).to.equal(sha256(bytes));
  });

  it('serves several at once, and takes over what a process that is gone left', async () => {
    await inFolder(async (folder) => {
      const orphan = join(folder, `file.gz.part~${hostname().replace(/\W|_/g, '_')}~4194304~ab`);
      await writeFile(orphan, bytes.subarray(0, 1000));
      const ranges: (string | undefined)[] = [];
      await withServer(
        (request, response) => {
          ranges.push(request.headers.range);
          serve(bytes, request, response);
        },
        async (url) => {
          const file = {url, name: 'file.gz', sizeBytes: bytes.length, sha256: sha256(bytes)};
          const context = {folder, report: () => {}, signal: undefined};
          const all = await Promise.all(Array.from({length: 8}, () => download(file, context, patience)));
          for (const one of all) expect(sha256(one)).to.equal(sha256(bytes));
        },
      );
      expect(ranges.filter((range) => range === 'bytes=1000-').length).to.equal(1);
      expect(ranges.length).to.equal(8);
      expect(existsSync(orphan)).to.equal(false);
      expect(await readdir(folder)).to.deep.equal([]);
    });
  });
});
