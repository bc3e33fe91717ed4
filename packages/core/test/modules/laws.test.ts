import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {computations, type ModuleTensors} from '../../src/index.ts';
import {type Equality, laws} from '../support/laws.ts';
import {at, byOwner, fresh, hostWave, moved, type Place, places, siteWith} from '../support/sites.ts';
import {type Case, cases} from './cases.ts';

/** Widths and batches at random, the rest as at a place of the family-wide suite: an even width, as some modules ask for. */
const shapes = fc.record({
  inputs: fc.integer({min: 3, max: 9}),
  units: fc.integer({min: 1, max: 4}).map((half) => 2 * half),
  batch: fc.integer({min: 1, max: 5}),
  phase: fc.integer({min: 1, max: 100}),
});

/** Configs that stand beside a dense base, of every kind that does. */
const configs = computations.kinds.flatMap((kind) =>
  (cases[kind] as readonly Case[]).filter((example) => example.at === 'dense').map(({config}) => config),
);

/** A site with a module at a place of random shape, and what both sides of a law make of it. */
function drawn(
  config: object,
  {inputs, units, batch, phase}: {inputs: number; units: number; batch: number; phase: number},
  change: typeof moved,
  sides: (
    run: (modules: readonly object[], owners?: Readonly<Record<string, ModuleTensors>>) => tf.Tensor,
    owners: Readonly<Record<string, ModuleTensors>>,
    place: Place,
    rows: number,
  ) => readonly [tf.Tensor, tf.Tensor],
): Equality | null {
  const place: Place = {beside: places.dense.beside, inputs, units, shape: (n) => [n, inputs]};
  if ((computations.parse(config).refusal?.(place) ?? null) !== null) return null;
  const {kind} = config as {kind: string};
  const named = (owner: string, arrays: Readonly<Record<string, HostArray>>) =>
    Object.entries(arrays).map(([name, array]) => [`${owner}/${name}`, array] as const);
  return {
    arrays: Object.fromEntries([
      ['h', hostWave([batch, inputs], phase)],
      ...named('base', moved(fresh(places.dense.beside, {...place, beside: null}))),
      ...named('module:0', change(fresh(config, place))),
      ...named(`shared:${kind}`, change(fresh(config, place, 'shared'))),
    ]),
    sides: ({h, ...given}) => {
      const owners = byOwner(given);
      const run = (modules: readonly object[], other: Readonly<Record<string, ModuleTensors>> = {}) =>
        at(siteWith(place, modules), {...owners, ...other}, h!).y;
      return sides(run, owners, place, batch);
    },
  };
}

laws('modules over random shapes', (state) => {
  for (const config of configs) {
    const module = computations.parse(config);
    const name = JSON.stringify(config);
    if (module.identityAtStart) {
      const make = (shape: Parameters<typeof drawn>[1]) =>
        drawn(
          config,
          shape,
          (arrays) => ({...arrays}),
          (run) => [run([config]), run([])],
        );
      state(`${name}: fresh, it changes nothing, bit for bit`, shapes, make, {exact: true});
    }
    if (module.compose) {
      state(`${name}: merged into the base it is the same`, shapes, (shape) =>
        drawn(config, shape, moved, (run, owners, place) => {
          const theta = owners['base']!;
          const merged = {...theta, ...module.compose!(theta, owners['module:0'] ?? {}, place)};
          return [run([config]), run([], {base: merged})];
        }),
      );
    }
    if (module.perExample) {
      state(`${name}: with the same parameters for every example it is the same`, shapes, (shape) =>
        drawn(config, shape, moved, (run, owners, _, rows) => {
          const each = Object.entries(owners['module:0'] ?? {}).map(([part, p]) => [
            part,
            tf.tile(tf.expandDims(p, 0), [rows, ...p.shape.map(() => 1)]),
          ]);
          return [run([config]), run([config], {'module:0': Object.fromEntries(each)})];
        }),
      );
    }
  }
});
