import type {HostArray} from '@accrete/kit';
import {hostArray, sizeOf, zeros} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import type {ParameterPath, Parameters} from '../parameters/parameters.ts';

/** One slot that an optimiser keeps per parameter: an array like the parameter, or one number. Starts at 0. */
export interface SlotSpec {
  readonly name: string;
  readonly shape: 'like-parameter' | 'scalar';
}

/** Slots of one parameter as tensors, by name. */
export type Slots = Readonly<Record<string, Tensor>>;

/**
 * An optimiser: a pure update of one parameter at a time. Its state is keyed by parameter path and counts steps per
 * parameter, so parameters that come later, stand still or leave do not disturb the others.
 */
export interface Optimizer {
  readonly slots: readonly SlotSpec[];
  /** One step. Plain tfjs, traced into the step's program. */
  update(parameter: Tensor, gradient: Tensor, slots: Slots): {readonly parameter: Tensor; readonly slots: Slots};
}

/** State of an optimiser: `<parameter path>#<slot>` to array. */
export type OptimizerState = Readonly<Record<string, HostArray<'float32'>>>;

/** Key of a slot in an optimiser's state. */
export function slotKey(path: ParameterPath, slot: string): string {
  return `${path}#${slot}`;
}

/** The state with zeroed slots added for every parameter of `paths` that has none yet; other entries are kept. */
export function withSlots(
  optimizer: Optimizer,
  state: OptimizerState,
  parameters: Parameters,
  paths: readonly ParameterPath[],
): OptimizerState {
  const fresh: Record<string, HostArray<'float32'>> = {};
  for (const path of paths) {
    const {shape} = parameters[path]!;
    for (const slot of optimizer.slots) {
      const key = slotKey(path, slot.name);
      const wanted = slot.shape === 'scalar' ? [] : shape;
      if (state[key]?.data.length !== sizeOf(wanted)) {
        fresh[key] = slot.shape === 'scalar' ? hostArray(new Float32Array(1), [], 'float32') : zeros(wanted);
      }
    }
  }
  return {...state, ...fresh};
}
