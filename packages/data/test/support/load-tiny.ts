// Run as a process of its own: loads the tiny set from the given addresses and prints its hash and origin.
import {gunzip} from '../../src/decode/gunzip.ts';
import {canonicalAddress} from '../../src/source/canonical-address.ts';
import type {Download} from '../../src/source/download.ts';
import {loadFileSet} from '../../src/source/load.ts';
import {tinyFiles, tinySet} from './tiny-set.ts';

const [cacheFolder, downloads] = process.argv.slice(2) as [string, string];
const files = (JSON.parse(downloads) as Download[]).map((file, i) => ({
  ...file,
  brings: [tinyFiles[i]!],
  unpack: async (bytes: Uint8Array) => new Map([[tinyFiles[i]!.name, await gunzip(bytes, 60)]]),
}));
const dataset = await loadFileSet(tinySet(canonicalAddress(files)), {cacheFolder});
process.stdout.write(`${dataset.contentHash} ${dataset.origin}`);
