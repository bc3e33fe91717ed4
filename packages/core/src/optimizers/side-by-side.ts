import * as tf from '@tensorflow/tfjs-core';
import type {Optimizer, Slots} from './optimizer.ts';

/** One parameter in a step of an optimiser. */
export interface Stepping {
  readonly parameter: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly slots: Slots;
}

/**
 * A step of several parameters as one, side by side along their last axis; their shapes agree before it. An optimiser computes
 * number by number, so each parameter becomes what it would become by itself, in as many operations as one takes.
 */
export function updateSideBySide(
  optimizer: Optimizer,
  parameters: readonly Stepping[],
): readonly ReturnType<Optimizer['update']>[] {
  const [first] = parameters;
  if (first === undefined) return [];
  if (parameters.length === 1) return [optimizer.update(first.parameter, first.gradient, first.slots)];
  const axis = first.parameter.rank - 1;
  const widths = parameters.map(({parameter}) => parameter.shape[axis]!);
  // The parameter of each column, and the first column of each parameter.
  const ownerOf = widths.flatMap((width, k) => Array.from({length: width}, () => k));
  const firstOf = widths.map((_, k) => ownerOf.indexOf(k));
  const joined = (parts: readonly tf.Tensor[]): tf.Tensor => tf.concat([...parts], axis);
  const spread = (scalars: tf.Tensor[]): tf.Tensor => tf.gather(tf.stack(scalars), tf.tensor1d(ownerOf, 'int32'));
  const slots = optimizer.slots.map(({name, shape}) => {
    const own = parameters.map((one) => one.slots[name]!);
    return [name, shape === 'scalar' ? spread(own) : joined(own)] as const;
  });
  const stepped = optimizer.update(
    joined(parameters.map(({parameter}) => parameter)),
    joined(parameters.map(({gradient}) => gradient)),
    Object.fromEntries(slots),
  );
  const apart = tf.split(stepped.parameter, widths, axis);
  const slotsApart = optimizer.slots.map(({name, shape}) => {
    const made = stepped.slots[name]!;
    const parts =
      shape === 'scalar' ? tf.unstack(tf.gather(made, tf.tensor1d(firstOf, 'int32'))) : tf.split(made, widths, axis);
    return [name, parts] as const;
  });
  return apart.map((parameter, k) => ({
    parameter,
    slots: Object.fromEntries(slotsApart.map(([name, parts]) => [name, parts[k]!])),
  }));
}
