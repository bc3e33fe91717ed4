import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type {Aggregator} from './aggregator.ts';
import {adapterOnTop, layerOnTop, needsToComeAfter, needsToReadOutput} from './on-top.ts';

const step = z.strictObject({
  module: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('place of its module among the active ones; null: it only joins'),
  reads: z.array(z.int().min(0)).default([]).describe('earlier steps that it reads; none: the output of the base'),
  join: z.enum(['sum', 'mean', 'product', 'max']).default('sum').describe('how what it reads becomes one'),
});

type Step = z.output<typeof step>;

/**
 * Function composition by a program: modules are put together in a tree (or any graph without cycles) that is given as data.
 *
 *   x_s = join of {y_r : r in reads(s)}, or f(h; theta) where s reads no step
 *   y_s = (1 - alpha_j) x_s + alpha_j f(a(x_s); phi_j)     for a layer
 *         x_s + alpha_j delta_j(x_s)                       for an adapter
 *         x_s                                              for a step without a module
 *
 * The last step's y is what the site puts out. `module` counts the active modules in the order of the inventory, so that a router
 * such as `assigned` fills the same program with other modules for every task. Where a step's module is not there (yet), the step
 * hands on what it reads; one that reads no other step gives nothing, and joins leave it out. Modules that no step names take no
 * part; where nothing is left, the site puts out what the base does.
 *
 * @param options.steps in order: a step reads steps before it. Two modules side by side, added up, where not said.
 * @param options.activation a: what a layer applies to what it reads.
 *
 * Source: Andreas et al. 2016 (neural module networks), https://arxiv.org/abs/1511.02799, section 4. Deviations: the layout is given and
 * the same for all examples, not parsed from a question; joins have no parameters.
 */
export const program = define({
  kind: 'program',
  summary: 'Modules composed by a tree that is given as data, as in neural module networks.',
  source: {
    cite: 'Andreas et al. 2016, neural module networks',
    url: 'https://arxiv.org/abs/1511.02799',
    deviations: ['one layout for all examples, given in the config', 'joins have no parameters'],
  },
  options: {
    steps: z
      .array(step)
      .min(1)
      .prefault([{module: 0}, {module: 1}, {reads: [0, 1]}])
      .describe('what is computed, in order; the last one is the result'),
    activation: z
      .enum(['relu', 'tanh', 'sigmoid', 'gelu', 'linear'])
      .default('relu')
      .describe('applied to what a layer reads'),
  },
  create: ({steps, activation}): Aggregator => ({
    level: 'function',
    width: (base) => base,
    refusal: (site, computation) => {
      const ahead = steps.findIndex(({reads}, s) => reads.some((r) => r >= s));
      if (ahead >= 0)
        return `a program reads earlier steps, and step ${ahead} reads [${steps[ahead]!.reads.join(', ')}]`;
      return computation.form === 'layer'
        ? needsToReadOutput('a program', site, computation)
        : needsToComeAfter('a program', site, computation);
    },
    run: ({base, modules, alpha}) => {
      const values: (tf.Tensor | null)[] = [];
      for (const {module: j, reads, join} of steps) {
        const module = j === null ? undefined : modules[j];
        const read = reads.flatMap((r) => values[r] ?? []);
        if (module === undefined && read.length === 0) {
          values.push(null);
          continue;
        }
        const x = read.length === 0 ? base.output() : read.reduce((a, b) => joins[join](a, b));
        const joined = join === 'mean' && read.length > 1 ? tf.div(x, read.length) : x;
        if (module === undefined || j === null) values.push(joined);
        else if (module.computation.form === 'layer') values.push(layerOnTop(module, joined, alpha, j, activation));
        else values.push(adapterOnTop(module, base, joined, alpha, j));
      }
      return values.at(-1) ?? base.output();
    },
  }),
});

const joins: Record<Step['join'], (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  sum: tf.add,
  mean: tf.add,
  product: tf.mul,
  max: tf.maximum,
};
