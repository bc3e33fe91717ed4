import * as tf from '@tensorflow/tfjs-core';
import {activate} from '../modules/activation.ts';
import type {Base, Computation, SiteShape} from '../modules/module.ts';
import type {Activation} from '../network/topology.ts';
import type {ModuleAtSite} from './aggregator.ts';
import {needsLengthOfBase, needsWidthOfBase} from './fit.ts';
import {scoreOf, weigh} from './weigh.ts';

/**
 * A layer applied to what came before it: (1 - alpha_j) y + alpha_j f(a(y); phi_j). Scored 0 it is skipped, scored 1 (or without
 * scores) it takes the place of what came.
 */
export function layerOnTop(
  module: ModuleAtSite,
  y: tf.Tensor,
  alpha: tf.Tensor | null,
  j: number,
  activation: Activation,
): tf.Tensor {
  const next = module.with({h: activate(activation, y)}).output();
  if (alpha === null) return next;
  const share = scoreOf(alpha, j, y);
  return tf.add(tf.mul(y, tf.sub(1, share)), tf.mul(next, share));
}

/** An adapter put on what came before it, as if that were the output of the base: y + alpha_j delta_j(y). Scored 0 it is passed by. */
export function adapterOnTop(
  module: ModuleAtSite,
  base: Base,
  y: tf.Tensor,
  alpha: tf.Tensor | null,
  j: number,
): tf.Tensor {
  const here = module.with({base: {...base, output: () => y}});
  return alpha === null ? here.output() : tf.add(y, weigh(here.delta(), {alpha}, j));
}

/** A refusal of layers that cannot be applied to the output of the base. @param aggregation for the message, such as `a sequence` */
export function needsToReadOutput(aggregation: string, site: SiteShape, computation: Computation): string | null {
  if (site.inputs !== site.units) {
    return `${aggregation} needs sites that put out as many features as come in, got ${site.inputs} in and ${site.units} out`;
  }
  return needsWidthOfBase(aggregation, site, computation) ?? needsLengthOfBase(aggregation, computation);
}

/** A refusal of modules that do not come after the base. @param aggregation for the message, such as `a stack` */
export function needsToComeAfter(aggregation: string, site: SiteShape, computation: Computation): string | null {
  const {composition} = computation;
  return composition === 'function'
    ? needsWidthOfBase(aggregation, site, computation)
    : `${aggregation} needs modules that come after the base runs, not ${composition} composition`;
}
