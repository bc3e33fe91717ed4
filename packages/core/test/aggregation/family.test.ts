import {createEngine, type Engine} from '@accrete/engine';
import {type HostArray, hostArray, seedStream} from '@accrete/kit';
import {checkGradient, expectClose} from '@accrete/testing';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {aggregators, computations, evaluation} from '../../src/index.ts';
import {matrix, numbers, useCpuBackend} from '../support/cpu-backend.ts';
import {at, byOwner, fresh, moved, type Place, partsAt, places, siteWith, tensors, wave} from '../support/sites.ts';
import {type Case, cases} from './cases.ts';

let onnx: Engine;
before(async () => {
  onnx = await createEngine({kind: 'onnx'});
});
after(() => onnx.dispose());

for (const kind of aggregators.kinds) {
  for (const {config, modules, silent, at: where = 'dense'} of cases[kind] as readonly Case[]) {
    const place: Place = places[where];
    describe(`aggregator ${JSON.stringify(config)} of ${modules.map((module) => JSON.stringify(module)).join(', ')}, ${where}`, () => {
      useCpuBackend();
      const aggregator = aggregators.parse(config);
      const computation = computations.parse(modules[0]!);
      const takes = (level: 'task' | 'example' | 'token', scores: 'fixed' | 'soft' = 'soft') =>
        !aggregator.refusalOfScores?.({level, scores}, place, computation);
      const h = () => wave(place.shape(2));
      const chosen = (count: number) => Array.from({length: count}, (_, j) => modules[j % modules.length]!);
      /** Parameters by owner and name, away from where they start, another set for every module. */
      const owned = (count: number): Record<string, HostArray> => {
        const gamma = Object.entries(aggregator.parameters?.(place) ?? {}).map(
          ([name, spec]) => [name, spec.initializer.fill(spec.shape, spec, seedStream(7, name))] as const,
        );
        const owners: Record<string, Record<string, HostArray>> = {
          base: moved(fresh(place.beside!, {...place, beside: null})),
          aggregator: moved(Object.fromEntries(gamma)),
        };
        chosen(count).forEach((module, j) => {
          owners[`module:${j}`] = scaled(moved(fresh(module, place)), 1 - 0.3 * j);
          owners[`shared:${(module as {kind: string}).kind}`] = moved(fresh(module, place, 'shared'));
        });
        return Object.fromEntries(
          Object.entries(owners).flatMap(([owner, arrays]) =>
            Object.entries(arrays).map(([name, array]) => [`${owner}/${name}`, array]),
          ),
        );
      };
      const run = (
        count: number,
        alpha: tf.Tensor | null,
        given = tensors(owned(count)),
        x: tf.Tensor = h(),
      ): tf.Tensor => {
        const owners = byOwner(given);
        const parts = partsAt(siteWith(place, chosen(count), {aggregation: config}), owners, x);
        const parameters = owners['aggregator'] ?? {};
        return aggregator.run({h: x, ...parts, alpha, parameters, context: evaluation, name: 'aggregator'});
      };
      const base = () => at(siteWith(place, []), byOwner(tensors(owned(0))), h()).y;
      /** Scores of two modules for two examples; null where modules take part wholly. */
      const scores = () => (takes('example') ? matrix([0.5, 0.2], [-1, 0.7]) : null);

      it('without modules is the base, bit for bit', () => {
        expect(numbers(run(0, null))).to.deep.equal(numbers(base()));
      });

      it('lets its modules stand beside such a base, and puts out as many units as it says', () => {
        for (const module of modules) expect(aggregator.refusal(place, computations.parse(module))).to.equal(null);
        expect(takes('task', 'fixed')).to.equal(true);
        for (const count of [0, 1, 2, 3]) {
          const widths = chosen(count).map((module) => computations.parse(module).width(place));
          const {shape} = run(count, null);
          expect([shape[0], shape.at(-1)]).to.deep.equal([2, aggregator.width(place.units, widths)]);
        }
      });

      if (takes('task')) {
        it('takes scores of 1 for no scores, and scores of a task for the same ones at every example', () => {
          expectClose(numbers(run(2, tf.tensor1d([1, 1]))), numbers(run(2, null)));
          if (!takes('example')) return;
          expectClose(numbers(run(2, matrix([1, 1], [1, 1]))), numbers(run(2, null)));
          expectClose(numbers(run(2, tf.tensor1d([0.5, -2]))), numbers(run(2, matrix([0.5, -2], [0.5, -2]))));
        });
      }

      if (takes('example')) {
        it('weighs each example by its own scores', () => {
          const both = run(2, matrix([0.5, 0.2], [-1, 3]));
          const rows = [[0.5, 0.2] as const, [-1, 3] as const].map((own, i) =>
            run(2, matrix(own), tensors(owned(2)), tf.gather(h(), [i])),
          );
          expectClose(numbers(tf.concat(rows)), numbers(both));
        });
      }

      if (takes('token')) {
        it('weighs each position of a sequence by its own scores', () => {
          const sequences = tf.stack([h(), tf.mul(h(), -0.5)]); // [2, 2, inputs]
          const alpha = tf.tensor3d([
            [
              [0.5, 0.2],
              [-1, 3],
            ],
            [
              [0, 1],
              [0.7, 0],
            ],
          ]);
          const flat = run(2, tf.reshape(alpha, [4, 2]), tensors(owned(2)), tf.reshape(sequences, [4, -1]));
          const whole = run(2, alpha, tensors(owned(2)), sequences);
          expectClose(numbers(whole), numbers(flat));
        });
      }

      if (silent !== 'other') {
        it(`is ${silent === 'base' ? 'the base' : 'zero'} where every score is 0`, () => {
          const expected = silent === 'base' ? numbers(base()) : numbers(tf.zerosLike(base()));
          expectClose(numbers(run(2, tf.tensor1d([0, 0]))), expected);
          expectClose(numbers(run(2, matrix([0, 0], [0, 0]))), expected);
        });
      }

      it('has the gradients that central differences give, for scores, input and each parameter', () => {
        const arrays = owned(2);
        const loss = (y: tf.Tensor) => tf.mean(tf.square(y));
        if (takes('example')) checkGradient((alpha) => loss(run(2, alpha)), [0.5, 0.2, -1, 0.7], [2, 2]);
        const {shape} = h();
        checkGradient(
          (x) => loss(run(2, takes('task') ? tf.tensor1d([0.5, 1]) : null, tensors(arrays), x)),
          numbers(h()),
          shape,
        );
        for (const [name, array] of Object.entries(arrays)) {
          const loss_ = (p: tf.Tensor) => loss(run(2, scores(), {...tensors(arrays), [name]: p}));
          checkGradient(loss_, [...array.data], array.shape);
        }
      });

      it('gives the same compiled', async () => {
        const arrays: Record<string, HostArray> = {
          ...owned(2),
          h: hostArray(Float32Array.from(tf.tidy(() => numbers(h()))), place.shape(2), 'float32'),
        };
        if (takes('example')) arrays['alpha'] = hostArray(Float32Array.of(0.5, 0.2, -1, 0.7), [2, 2], 'float32');
        const expected = tf.tidy(() => numbers(run(2, scores())));
        const program = await onnx.compile(
          ({h: x, alpha = null, ...given}) => ({y: run(2, alpha, given, x!)}),
          arrays,
          {name: 'aggregate'},
        );
        const inputs = Object.fromEntries(
          Object.keys(program.inputs).map((name) => [name, onnx.upload(arrays[name]!)]),
        );
        const {y} = await program.run(inputs);
        expectClose((await y!.read()).data, expected, {absolute: 1e-5, relative: 1e-5});
        for (const buffer of [...Object.values(inputs), y!]) buffer.dispose();
        program.dispose();
      });
    });
  }
}

function scaled(arrays: Record<string, HostArray>, by: number): Record<string, HostArray> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [
      name,
      {...array, data: Float32Array.from(array.data, (x) => x * by)},
    ]),
  );
}
