import {createEngine, type Engine} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';

/** Makes tfjs's plain JavaScript backend the current one for the tests of a `describe`, and fails where a test leaks. */
export function useCpuBackend(): void {
  let engine: Engine | undefined;
  let live = 0;
  before(async () => {
    engine = await createEngine({kind: 'cpu'});
    await tf.setBackend('cpu');
  });
  beforeEach(() => {
    live = tf.memory().numTensors;
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
    expect(tf.memory().numTensors, 'tensors left behind').to.equal(live);
  });
  after(() => engine?.dispose());
}

/** Rows as a matrix. */
export function matrix(...rows: readonly (readonly number[])[]): tf.Tensor2D {
  return tf.tensor2d(rows as number[][]);
}

/** The numbers of a tensor. */
export function numbers(tensor: tf.Tensor): number[] {
  return [...tensor.dataSync()];
}
