import {type Download, download} from './download.ts';
import type {Files, Provider, StoredFile} from './file-set.ts';
import type {Patience} from './http-request.ts';

/** A download and what it unpacks into. */
export interface CanonicalFile extends Download {
  /** The stored files that it brings. */
  readonly brings: readonly StoredFile[];
  unpack(bytes: Uint8Array): Promise<Files>;
}

/** The address where the authors of a data set, or those who keep it for them, publish it. */
export function canonicalAddress(files: readonly CanonicalFile[], patience?: Patience): Provider {
  const hosts = [...new Set(files.map((file) => new URL(file.url).host))];
  return {
    name: `canonical address at ${hosts.join(', ')}`,
    network: true,
    fetch: async (needed, context) => {
      const contents = new Map<string, Uint8Array>();
      const names = new Set(needed.map((file) => file.name));
      for (const file of files) {
        if (!file.brings.some((stored) => names.has(stored.name))) continue;
        context.report(`downloading ${file.url} (${(file.sizeBytes / 1e6).toFixed(1)} MB)`);
        for (const [name, bytes] of await file.unpack(await download(file, context, patience))) {
          contents.set(name, bytes);
        }
      }
      return contents;
    },
  };
}
