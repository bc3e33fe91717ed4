import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {sha256} from '@accrete/kit';
import {expect} from 'chai';
import {withServer} from '../support/server.ts';
import {inFolder} from '../support/temporary.ts';
import {tinyContents} from '../support/tiny-set.ts';

const packed = new Map([...tinyContents].map(([name, bytes]) => [`/${name}.gz`, gzipSync(bytes)]));

function start(base: string, cacheFolder: string): ChildProcess {
  const script = join(import.meta.dirname, '../support/load-tiny.ts');
  const files = JSON.stringify(
    [...packed].map(([path, bytes]) => ({
      url: base + path.slice(1),
      name: path.slice(1),
      sizeBytes: bytes.length,
      sha256: sha256(bytes),
    })),
  );
  return spawn(process.execPath, [...process.execArgv, script, cacheFolder, files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('two processes that load at once', () => {
  it('both get the data and leave one whole copy; one that was killed half-way is continued', () =>
    inFolder(async (cacheFolder) => {
      let asked = 0;
      const ranges: (string | undefined)[] = [];
      await withServer(
        (request, response) => {
          asked++;
          ranges.push(request.headers.range);
          const body = packed.get(request.url!)!;
          const from = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
          response.writeHead(from > 0 ? 206 : 200, {
            'content-length': body.length - from,
            ...(from > 0 && {'content-range': `bytes ${from}-${body.length - 1}/${body.length}`}),
          });
          if (asked === 1) response.write(body.subarray(0, 40));
          else response.end(body.subarray(from));
        },
        async (base) => {
          const folder = join(cacheFolder, 'datasets', 'tiny');
          const victim = start(base, cacheFolder);
          for (;;) {
            const part = (await readdir(folder).catch(() => [])).find((name) => name.includes('.part'));
            if (part && (await readFile(join(folder, part)).catch(() => '')).length === 40) break;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          victim.kill('SIGKILL');
          await once(victim, 'exit');
          const children = [start(base, cacheFolder), start(base, cacheFolder)];
          const outputs = await Promise.all(
            children.map(async (child) => {
              let text = '';
              child.stdout!.on('data', (chunk) => {
                text += chunk;
              });
              await once(child, 'close');
              return text.split(' ')[0];
            }),
          );
          expect(outputs[0]).to.match(/^[0-9a-f]{64}$/);
          expect(outputs[1]).to.equal(outputs[0]);
          expect((await readdir(folder)).sort()).to.deep.equal(['origin.txt', 'test.bin', 'train.bin']);
          expect(ranges).to.include('bytes=40-');
          for (const [name, bytes] of tinyContents) {
            expect((await readFile(join(folder, name))).equals(bytes)).to.equal(true);
          }
        },
      );
    }));
});
