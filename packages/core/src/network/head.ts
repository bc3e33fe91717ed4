import {canonicalJson} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Context, ModuleTensors} from '../modules/module.ts';
import {computations} from '../modules/registry.ts';
import type {PathModule} from './path.ts';
import {baseOf} from './site.ts';

/**
 * Logits of head segments, side by side, [batch, classes of all segments]. Neighbours that are computed alike, column by column, are
 * one segment with their parameters side by side: a hundred heads take one product.
 *
 * @param own the parameters of an owner by its local name. @param features what reaches the head, [batch, units]
 */
export function headLogits(
  segments: readonly PathModule[],
  own: (local: string) => ModuleTensors,
  features: tf.Tensor,
  context: Context,
): tf.Tensor2D {
  const joined = alike(segments).map(([first, ...rest]) => {
    const names = [first, ...rest].map((k) => `head/segment:${k}`);
    const segment = {...segments[first]!, units: names.reduce((sum, _, i) => sum + segments[first + i]!.units, 0)};
    const parameters = rest.length === 0 ? own(names[0]!) : sideBySide(names.map(own));
    const call = {h: features, context, extra: {}, name: names[0]!};
    return baseOf(segment, parameters, call).output();
  });
  return (joined.length === 1 ? joined[0]! : tf.concat(joined, 1)) as tf.Tensor2D;
}

type Run = [number, ...number[]];

/** Indices of segments in runs of neighbours that can be computed as one. */
function alike(segments: readonly PathModule[]): readonly Run[] {
  const runs: Run[] = [];
  let last: string | null = null;
  segments.forEach(({computation, inputs}, k) => {
    const kind = computations.parse(computation).columnwise ? canonicalJson([computation, inputs]) : null;
    const run = runs.at(-1);
    if (run !== undefined && kind !== null && kind === last) run.push(k);
    else runs.push([k]);
    last = kind;
  });
  return runs;
}

/** The parameters of several modules along their last axis, name by name. */
function sideBySide(modules: readonly ModuleTensors[]): ModuleTensors {
  const names = Object.keys(modules[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const parts = modules.map((module) => module[name]!);
      return [name, tf.concat(parts, parts[0]!.rank - 1)];
    }),
  );
}
