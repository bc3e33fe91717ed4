import {type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {type Optimizer, type OptimizerState, slotKey, withSlots} from '../../src/index.ts';

/** Parameters as vectors, and what the optimiser keeps of them. */
export interface Training<K extends string = string> {
  readonly parameters: Readonly<Record<K, readonly number[]>>;
  readonly state: OptimizerState;
}

/** One step of the parameters that have a gradient; the others, and their slots, stay. */
export function take<K extends string>(
  optimizer: Optimizer,
  {parameters, state}: Training<K>,
  gradients: Readonly<Partial<Record<K, readonly number[]>>>,
): {parameters: Record<K, number[]>; state: OptimizerState} {
  const names = Object.keys(parameters) as K[];
  const trained = Object.keys(gradients) as K[];
  const hosts = Object.fromEntries(names.map((name) => [name, vector(parameters[name])]));
  const slots: Record<string, HostArray<'float32'>> = {...withSlots(optimizer, state, hosts, trained)};
  const next = Object.fromEntries(names.map((name) => [name, [...parameters[name]]])) as Record<K, number[]>;
  tf.tidy(() => {
    for (const name of trained) {
      const own = optimizer.slots.map((slot) => {
        const {data, shape} = slots[slotKey(name, slot.name)]!;
        return [slot.name, tf.tensor(data, [...shape])];
      });
      const step = optimizer.update(
        tf.tensor1d([...parameters[name]]),
        tf.tensor1d([...gradients[name]!]),
        Object.fromEntries(own),
      );
      next[name] = [...step.parameter.dataSync()];
      for (const [slot, tensor] of Object.entries(step.slots)) {
        slots[slotKey(name, slot)] = hostArray(Float32Array.from(tensor.dataSync()), tensor.shape, 'float32');
      }
    }
  });
  return {parameters: next, state: slots};
}

function vector(values: readonly number[]): HostArray<'float32'> {
  return hostArray(Float32Array.from(values), [values.length], 'float32');
}
