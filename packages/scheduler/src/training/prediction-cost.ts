import {evaluation, forward, type Network, type PathSpec, pathOf, readsInput, segmentsFor} from '@accrete/core';
import {countOperations} from '@accrete/engine';
import {type ArraySpec, canonicalJson, isHarnessError} from '@accrete/kit';
import {names, parametersOf} from './step-inputs.ts';

/** Floating-point operations of one prediction for a task along its path; undefined where they cannot be counted. */
export type PredictionCost = (network: Network, task: number) => number | undefined;

/** Counts each sort of path once: tasks whose paths have one description cost the same. */
export function predictionCosts(): PredictionCost {
  const known = new Map<string, number | undefined>();
  return ({topology, parameters}, task) => {
    const {spec, bind} = pathOf(topology, task, segmentsFor(topology, task));
    const shapes = Object.entries(bind).map(
      ([local, at]) => [names.parameter(local), parameters[at]?.shape ?? []] as const,
    );
    const key = canonicalJson([spec, shapes]);
    if (!known.has(key)) known.set(key, operationsAlong(spec, shapes));
    return known.get(key);
  };
}

function operationsAlong(
  spec: PathSpec,
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
): number | undefined {
  const inputs = Object.fromEntries(
    shapes.map(([name, shape]): [string, ArraySpec] => [name, {shape, dtype: 'float32'}]),
  );
  if (readsInput(spec, 0)) inputs[names.images] = {shape: [1, spec.input.features], dtype: 'uint8'};
  try {
    return countOperations((given) => {
      const {logits} = forward(spec, parametersOf(given, Object.keys(given)), given[names.images] ?? null, evaluation);
      return {logits};
    }, inputs);
  } catch (error) {
    // An eager engine runs kernels that cannot be traced, and so not be counted.
    if (isHarnessError(error) && error.code === 'E_TRACE') return undefined;
    throw error;
  }
}
