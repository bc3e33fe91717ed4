import {define, HarnessError, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Computation, ModuleTensors, SiteShape} from '../modules/module.ts';
import {computations} from '../modules/registry.ts';
import type {Aggregator, ModuleAtSite, Scoring, SiteCall} from './aggregator.ts';
import {needsWholeGroups, needsWidthOfBase, requireOneComputation} from './fit.ts';
import type {Scores} from './weigh.ts';

/**
 * Parameter aggregation: modules are averaged before anything runs, so that the cost of the pass does not grow with them.
 *
 *   module:   y = f'(h; theta, sum_j alpha_j phi_j)
 *   weights:  y = f(h; theta + sum_j alpha_j (theta (+) phi_j - theta))
 *
 * `module` averages what a module owns, name by name: A and B of low-rank modules apart, so that (sum alpha A)(sum alpha B) has
 * cross terms. `weights` averages the parameters of the base that each module makes. They agree where theta (+) phi is linear in
 * phi and alpha sums to 1. Scores are taken as the router gives them, so whether this is an average is up to the router.
 *
 * With scores by example, every example has parameters of its own; that needs computations that can run so. With heads, each group
 * of features has an average of its own: of `module`, A is cut along what comes in and B along what goes out; `weights` are cut
 * along what goes out.
 *
 * @param options.average what is averaged.
 *
 * Source: `module`: Ponti et al. 2023 (Polytropon), by task, https://arxiv.org/abs/2202.13914; with heads: Caccia et al. 2023,
 * https://arxiv.org/abs/2211.03831; Muqeeth et al. 2023 (SMEAR), by
 * example, https://arxiv.org/abs/2306.03745; `weights`: Ilharco et al. 2023 (task arithmetic), https://arxiv.org/abs/2212.04089.
 */
export const parameterAverage = define({
  kind: 'parameter-average',
  summary: "The weighted sum of the modules' parameters, run once.",
  source: {
    cite: 'Ponti et al. 2023, Polytropon; Muqeeth et al. 2023, SMEAR; weights: Ilharco et al. 2023, task arithmetic',
    url: 'https://arxiv.org/abs/2306.03745',
  },
  options: {
    average: z
      .enum(['module', 'weights'])
      .default('module')
      .describe('what is averaged: what modules own, or the weights of the base that they make'),
  },
  create: ({average}): Aggregator => ({
    level: 'parameter',
    takesHeads: true,
    width: (base) => base,
    refusal: (site, computation) =>
      needsWidthOfBase('an average', site, computation) ??
      (average === 'weights' && !computation.compose
        ? 'an average of weights needs modules that change the parameters of the base'
        : null) ??
      (average === 'module' && keepsBuffers(site, computation) ? meaningless : null),
    refusalOfScores: (router, site, computation) => {
      const {level} = router;
      const uncut = refusalOfHeads(router, average, site, computation);
      if (uncut !== null) return uncut;
      if (level === 'token') return 'an average of parameters is the same at every position: route by task or example';
      if (level === 'task') return null;
      const runs = average === 'module' ? computation : site.beside && computations.parse(site.beside);
      return runs?.perExample
        ? null
        : `${average === 'module' ? 'these modules' : 'the base'} cannot run with parameters of its own for every example: route by task`;
    },
    run: (call) => {
      const {h, base, modules, alpha, heads} = call;
      if (modules.length === 0) return base.output();
      if (alpha !== null && alpha.rank > 1) requirePerExample(call, average);
      if (average === 'weights') return base.run(h, averageWeights(call));
      requireOneComputation(modules, 'an average of parameters');
      const [first] = modules as [ModuleAtSite];
      const owned = modules.map((module) => module.parameters);
      const axes = first.computation.headAxes ?? {};
      return first.with({parameters: combined(owned, {alpha, heads}, (name) => axes[name]!)}).output();
    },
  }),
});

const meaningless =
  'an average of what modules own means nothing for constants and running statistics that they keep: average weights, or representations';

/** True where modules keep numbers that no gradient moves: constants, or running statistics. */
function keepsBuffers(site: SiteShape, computation: Computation): boolean {
  return Object.values(computation.parameters(site)).some(({buffer}) => buffer);
}

/** Why parameters cannot be averaged head by head; null where they can, or there is one head. */
function refusalOfHeads(
  router: Pick<Scoring, 'heads'>,
  average: 'module' | 'weights',
  site: SiteShape,
  computation: Computation,
): string | null {
  if ((router.heads ?? 1) === 1) return null;
  if (average === 'weights') return needsWholeGroups(router, site.units, 'units');
  const {headAxes} = computation;
  if (headAxes === undefined) return 'these modules have no parameters that heads could share out';
  for (const [name, {shape}] of Object.entries(computation.parameters(site))) {
    const uneven = needsWholeGroups(router, shape[headAxes[name]!]!, `places of "${name}"`);
    if (uneven !== null) return uneven;
  }
  return null;
}

/**
 * sum_j alpha_j phi_j, name by name; with a batch axis in front where alpha has one.
 *
 * @param axisOf the axis of a parameter along which heads share it out.
 */
function combined(
  owned: readonly ModuleTensors[],
  {alpha, heads}: Scores,
  axisOf: (name: string) => number,
): ModuleTensors {
  const names = Object.keys(owned[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const values = owned.map((phi) => phi[name]!);
      if (alpha === null) return [name, values.length === 1 ? values[0]! : tf.addN(values)];
      const {shape} = values[0]!;
      if (heads !== undefined) return [name, byHead(values, heads, axisOf(name))];
      const table = tf.stack(values.map((value) => tf.reshape(value, [-1]))); // [modules, size]
      const weights = alpha.rank === 1 ? tf.expandDims(alpha, 0) : alpha;
      const sum = tf.matMul(weights as tf.Tensor2D, table as tf.Tensor2D); // [1 or batch, size]
      return [name, tf.reshape(sum, alpha.rank === 1 ? shape : [alpha.shape[0]!, ...shape])];
    }),
  );
}

/** The same sum with scores of its own for each of equal parts along an axis. @param heads [heads, modules] or [batch, heads, modules] */
function byHead(values: readonly tf.Tensor[], heads: tf.Tensor, axis: number): tf.Tensor {
  const {shape} = values[0]!;
  const [count, modules] = heads.shape.slice(-2) as [number, number];
  const before = sizeOf(shape.slice(0, axis));
  const parts = tf.reshape(tf.stack([...values]), [modules, before, count, -1]);
  const tables = tf.reshape(tf.transpose(parts, [2, 0, 1, 3]), [count, modules, -1]);
  const weights = heads.rank === 2 ? tf.expandDims(heads, 1) : tf.transpose(heads, [1, 0, 2]); // [heads, 1 or batch, modules]
  const sums = tf.reshape(tf.matMul(weights, tables), [count, weights.shape[1]!, before, -1]);
  const whole = tf.transpose(sums, [1, 2, 0, 3]); // [1 or batch, before, heads, rest]
  return tf.reshape(whole, heads.rank === 2 ? shape : [heads.shape[0]!, ...shape]);
}

/** theta + sum_j alpha_j (theta (+) phi_j - theta); with a batch axis in front where alpha has one. */
function averageWeights({base, modules, ...scores}: SiteCall): ModuleTensors {
  const theta = base.parameters;
  const made = modules.map(({computation, parameters, site}) => computation.compose!(theta, parameters, site));
  const changes = made.map((own) =>
    Object.fromEntries(
      Object.entries(theta).map(([name, value]) => {
        const other = own[name];
        return [name, other === undefined || other === value ? tf.zerosLike(value) : tf.sub(other, value)];
      }),
    ),
  );
  return Object.fromEntries(
    Object.entries(combined(changes, scores, (name) => theta[name]!.rank - 1)).map(([name, sum]) => [
      name,
      tf.add(theta[name]!, sum),
    ]),
  );
}

/** Scores by task have a batch axis too where a batch mixes tasks, which is known only here. */
function requirePerExample({modules, alpha}: SiteCall, average: 'module' | 'weights'): void {
  const {site, computation} = modules[0]!;
  const runs = average === 'module' ? computation : computations.parse(site.beside!);
  if (alpha!.rank === 2 && runs.perExample) return;
  throw new HarnessError(
    'E_COMBINATION',
    `${site.computation.kind} cannot run with parameters of its own for every ${alpha!.rank === 2 ? 'example' : 'position'}, as an average of parameters by such scores asks. Train one task at a time, or use another aggregation.`,
    {alpha: alpha!.shape},
  );
}
