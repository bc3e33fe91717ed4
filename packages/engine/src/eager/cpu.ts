import {version_cpu} from '@tensorflow/tfjs-backend-cpu';
import {findBackend} from '@tensorflow/tfjs-core';
import {readyBackend} from './backend.ts';

/** Makes the tfjs `cpu` backend ready: plain JavaScript, slow, and there everywhere. @returns its versions. */
export async function prepareCpu(): Promise<Readonly<Record<string, string>>> {
  await readyBackend('cpu');
  // On first use in Node it prints an advertisement for tfjs-node, unless it thinks that it did so already.
  (findBackend('cpu') as unknown as {firstUse: boolean}).firstUse = false;
  return {'tfjs-backend-cpu': version_cpu};
}
