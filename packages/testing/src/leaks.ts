import type {Engine} from '@accrete/engine';
import {expect} from 'chai';

/** Runs `work` and fails where it leaves buffers or tensors behind, also where it throws: the error is given back. */
export async function leakFree(engine: Engine, work: () => Promise<unknown>): Promise<unknown> {
  const before = engine.live();
  let thrown: unknown;
  try {
    await work();
  } catch (error) {
    thrown = error;
  }
  const after = engine.live();
  expect({buffers: after.buffers, tensors: after.tensors}, 'left behind').to.deep.equal({
    buffers: before.buffers,
    tensors: before.tensors,
  });
  return thrown;
}
