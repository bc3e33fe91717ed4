import type {ArraySpec, HostArray, SeedStream} from '@accrete/kit';
import {createEngine, type Engine, type EngineKind, type PureFunction} from '../../src/index.ts';

/** An engine for the tests of one `describe`: created before them, disposed after. */
export function useEngine(kind: EngineKind): () => Engine {
  let engine: Engine | undefined;
  before(async () => {
    engine = await createEngine({kind});
  });
  after(async () => {
    await engine?.dispose();
  });
  return () => engine!;
}

/** The specs of arrays. */
export function specsOf(arrays: Readonly<Record<string, HostArray>>): Record<string, ArraySpec> {
  return Object.fromEntries(Object.entries(arrays).map(([name, {shape, dtype}]) => [name, {shape, dtype}]));
}

/** Compiles, runs once, reads every output, and releases everything. */
export async function evaluate(
  engine: Engine,
  fn: PureFunction,
  inputs: Readonly<Record<string, HostArray>>,
  options: {readonly constants?: Readonly<Record<string, HostArray>>; readonly noise?: SeedStream} = {},
): Promise<Record<string, HostArray>> {
  const {constants = {}, noise} = options;
  const program = await engine.compile(fn, specsOf(inputs), {name: 'test', constants});
  const buffers = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, engine.upload(array)]));
  try {
    const outputs = await program.run(buffers, noise);
    const read: Record<string, HostArray> = {};
    for (const [name, buffer] of Object.entries(outputs)) {
      read[name] = await buffer.read();
      buffer.dispose();
    }
    return read;
  } finally {
    for (const buffer of Object.values(buffers)) buffer.dispose();
    program.dispose();
  }
}
