import {reconstructionScores, weightedMean} from '@accrete/core';
import {stopGradient} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import {type Chosen, OUT_OF_REACH, standsAside} from './lmc-choice.ts';
import {errorsOf, gateAt} from './lmc-errors.ts';
import {nothing} from './quadratic-pull.ts';
import type {StepContext, StepPart, StepTensors} from './strategy.ts';

/** How autoencoders learn, and which modules take part. */
export interface StructuralOptions {
  readonly weight: number;
  readonly rate: number;
  /** Of the shares that modules take. */
  readonly temperature: number;
  /** Whether new modules also learn to put out what the frozen layers above recognise. */
  readonly projecting: boolean;
  /** The only module that takes part, by site; every one at the others. */
  readonly chosen: Chosen;
}

interface SiteGates {
  readonly id: string;
  /** Local names of the autoencoders that move, and of those that do not. */
  readonly free: readonly string[];
  readonly still: readonly string[];
}

/**
 * What local module composition adds to a step:
 *
 *   weight * (sum over new modules m of mean_b e_m(stop(h))  +  sum over layers l above of 1/K_l sum_m mean_b stop(alpha_m) e_m(h))
 *
 * the second sum while `projecting`, over the K_l modules of each wholly frozen layer above the first new module. Where a module was
 * chosen the others stand aside, and autoencoders step `rate` times as far as the optimiser would.
 */
export function structuralPart({path, trainable}: StepContext, options: StructuralOptions): StepPart {
  const {weight, rate, temperature, projecting, chosen} = options;
  const moving = new Set(trainable);
  const sites = path.spec.sites.map(({id, modules}, i): SiteGates => {
    const gates = modules.map((_, j) => gateAt(i, j));
    const moves = (gate: string): boolean => moving.has(`${gate}/encoder`);
    return {id, free: gates.filter(moves), still: gates.filter((gate) => !moves(gate))};
  });
  const first = sites.findIndex(({free}) => free.length > 0);
  const learning = sites.filter(({free}) => free.length > 0);
  const above =
    projecting && first >= 0 ? sites.slice(first).filter(({free, still}) => free.length === 0 && still.length > 0) : [];
  const aside = Object.entries(path.bind)
    .filter(([, at]) => standsAside(at, chosen))
    .map(([local]) => local);
  if (first < 0 && aside.length === 0) return nothing;
  const own = ({hidden, parameters, weights}: StepTensors): readonly tf.Scalar[] =>
    learning.map(({id, free}) => {
      const errors = errorsOf(stopGradient(hidden[id]!), free, parameters);
      return weightedMean(tf.sum(errors, -1), weights);
    });
  const projected = ({hidden, parameters, weights}: StepTensors): readonly tf.Scalar[] =>
    above.map(({id, still}) => {
      const errors = errorsOf(hidden[id]!, still, parameters);
      const alpha = stopGradient(tf.softmax(reconstructionScores(errors, {temperature, by: 'logarithm'})));
      return weightedMean(tf.mean(tf.mul(alpha, errors), -1), weights);
    });
  return {
    key: {
      lmc: {weight, rate, temperature},
      learning: learning.map(({free}) => [...free]),
      above: above.map(({id}) => id),
      aside,
    },
    inputs: {},
    ...(first >= 0 && {
      term: (tensors: StepTensors) => tf.mul(tf.addN([...own(tensors), ...projected(tensors)]), weight),
    }),
    ...(aside.length > 0 && {
      effective: (parameters) =>
        Object.fromEntries(aside.map((local) => [local, tf.add(parameters[local]!, OUT_OF_REACH)] as const)),
    }),
    ...(first >= 0 &&
      rate !== 1 && {
        update: (local: string, before: tf.Tensor, after: tf.Tensor) =>
          local.includes('/gate:') ? tf.add(before, tf.mul(tf.sub(after, before), rate)) : after,
      }),
  };
}
