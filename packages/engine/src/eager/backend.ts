import {engine, getBackend, setBackend} from '@tensorflow/tfjs-core';

/**
 * Runs a synchronous function on a tfjs backend that is ready, and puts the backend of before back.
 *
 * @throws whatever `fn` throws; the backend is put back all the same.
 */
export function onBackend<T>(name: string, fn: () => T): T {
  const previous = getBackend() as string | undefined;
  if (previous === name) return fn();
  void setBackend(name);
  try {
    return fn();
  } finally {
    if (previous) void setBackend(previous);
  }
}

/** Makes a backend ready, which may be asynchronous, and puts the backend of before back. @returns whether it succeeded. */
export async function readyBackend(name: string): Promise<boolean> {
  if (engine().registry[name] !== undefined) return true;
  const previous = getBackend() as string | undefined;
  try {
    return await setBackend(name);
  } finally {
    if (previous && previous !== name) void setBackend(previous);
  }
}
