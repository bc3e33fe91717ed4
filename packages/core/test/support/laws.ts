import {createEngine, type Engine} from '@accrete/engine';
import type {HostArray} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import fc from 'fast-check';
import {numbers, useCpuBackend} from './cpu-backend.ts';
import {tensors} from './sites.ts';

/** Two ways to the same numbers, for one draw. */
export interface Equality {
  readonly arrays: Readonly<Record<string, HostArray>>;
  sides(given: Readonly<Record<string, tf.Tensor>>): readonly [tf.Tensor, tf.Tensor];
}

/** States that two ways give the same. @param make null for a draw that the law says nothing of */
export type State = <T>(
  title: string,
  draws: fc.Arbitrary<T>,
  make: (drawn: T) => Equality | null,
  how?: {readonly exact?: boolean},
) => void;

const RUNS = {cpu: 12, onnx: 2}; // A program is compiled for every draw on onnx.

/** Two tests for each law that is stated: over random shapes, step by step on cpu and compiled on onnx. */
export function laws(title: string, define: (state: State) => void): void {
  describe(title, () => {
    let onnx: Engine;
    before(async () => {
      onnx = await createEngine({kind: 'onnx', threads: 1});
    });
    after(() => onnx.dispose());
    useCpuBackend();
    define((law, draws, make, {exact = false} = {}) => {
      const compare = (one: ArrayLike<number>, two: ArrayLike<number>): void => {
        if (exact) expect([...Array.from(one)]).to.deep.equal([...Array.from(two)]);
        else expectClose(one, two, {absolute: 1e-4, relative: 1e-5});
      };
      it(`law: ${law}, on cpu`, () => {
        const property = fc.property(draws, (drawn) => {
          tf.tidy(() => {
            const equality = make(drawn);
            fc.pre(equality !== null);
            const [one, two] = equality!.sides(tensors(equality!.arrays)).map(numbers);
            compare(one!, two!);
          });
        });
        fc.assert(property, {numRuns: RUNS.cpu});
      });
      it(`law: ${law}, on onnx`, async () => {
        const property = fc.asyncProperty(draws, async (drawn) => {
          const equality = make(drawn);
          fc.pre(equality !== null);
          const [one, two] = await compiled(onnx, equality!);
          compare(one!, two!);
        });
        await fc.assert(property, {numRuns: RUNS.onnx});
      });
    });
  });
}

async function compiled(engine: Engine, {arrays, sides}: Equality): Promise<readonly ArrayLike<number>[]> {
  const program = await engine.compile(
    (given) => {
      const [one, two] = sides(given);
      return {one, two};
    },
    arrays,
    {name: 'law'},
  );
  const inputs = Object.keys(program.inputs).map((name) => [name, engine.upload(arrays[name]!)] as const);
  const outputs = await program.run(Object.fromEntries(inputs));
  const read = await Promise.all(['one', 'two'].map((name) => outputs[name]!.read()));
  for (const buffer of [...inputs.map(([, buffer]) => buffer), ...Object.values(outputs)]) buffer.dispose();
  program.dispose();
  return read.map(({data}) => data as Float32Array);
}
