import {type Network, oneHot} from '@accrete/core';
import {define, type HostArray, hostArray, type SeedStream} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {scaled} from '../training/features.ts';
import {bufferOf, bufferOptions} from './buffer.ts';
import {meanOf, withMeans} from './class-means.ts';
import {pseudoPrototypicalLosses} from './pseudo-prototypical.ts';
import {rehearsing} from './rehearsing.ts';
import type {Reads, StepContext, StepPart, Strategy} from './strategy.ts';

/**
 * Continual prototype evolution: every class has a prototype in the space of features, which follows the features of its examples
 * by momentum; features are learned by a contrastive loss around prototypes, and the nearest one predicts.
 *
 *   p[c] <- unit(momentum p[c] + (1 - momentum) unit(mean of unit(phi(x)) over the rows of class c))     after every step
 *   prediction(x) = argmax_c phi(x) . p[c]
 *
 * The loss is the pseudo-prototypical proxy loss (`pseudoPrototypicalLosses`). Rows of a class-balanced buffer join every batch.
 * Prototypes start as random directions, when their class comes or all with the first task: then those of classes still to come push
 * features away, too. The head's own weights are not used; scores are not calibrated.
 *
 * @param options.capacity examples kept; 0: prototypes alone.
 * @param options.momentum alpha in the paper.
 * @param options.temperature T in the paper.
 * @param options.prototypes when they start; `at-once` for all classes of the stream, as a learner that knows their number can.
 *
 * Memory: the buffer, and one prototype per class.
 */
export const cope = define({
  kind: 'cope',
  summary: 'CoPE: prototypes that follow their classes by momentum, a contrastive loss, and a class-balanced buffer.',
  source: {
    cite: 'De Lange and Tuytelaars 2021 (CoPE), eq. 1 to 8',
    url: 'https://arxiv.org/abs/2009.00919',
    deviations: ['one step per batch', 'the buffer is balanced by a random newcomer rule in place of quotas'],
  },
  options: {
    capacity: bufferOptions.capacity,
    batchSize: bufferOptions.batchSize,
    momentum: z.number().min(0).max(1).default(0.99).describe('alpha: how much of a prototype stays'),
    temperature: z.number().positive().default(0.1).describe('T: divides products of features'),
    prototypes: z
      .enum(['as-classes-come', 'at-once'])
      .default('as-classes-come')
      .describe('when prototypes start: with the first task of their class, or all with the first task'),
  },
  create: ({momentum, temperature, prototypes, ...options}): Strategy => {
    const {observe, rehearse, ...buffer} = rehearsing({...options, policy: 'class-balanced'});
    return {
      ...buffer,
      mixesTasks: true,
      everyEpoch: true,
      plan: ({task, stream, network, state, seeds}) => {
        const [head] = network.topology.head.segments;
        const units = head?.inputs ?? network.topology.features;
        const coming = prototypes === 'at-once' ? stream.tasks : [task];
        const wanted = new Set(coming.flatMap(({classes}) => classes));
        const missing = [...wanted].filter((label) => !(meanOf(label) in state.arrays));
        const fresh = missing.map((label) => [meanOf(label), randomDirection(units, seeds.fork(label))] as const);
        return {state: {values: state.values, arrays: {...state.arrays, ...Object.fromEntries(fresh)}}};
      },
      rehearse: (context) => ({
        ...rehearse(context),
        feeds: {prototypes: prototypesOf(classesOf(context.network), context.state.arrays)},
      }),
      step: (context) => contrastiveStep(context, temperature),
      observe: (context, rows, reads) => {
        const moved = followed(classesOf(context.network), context.state.arrays, reads, momentum);
        const state = {values: context.state.values, arrays: {...context.state.arrays, ...moved}};
        // Every example is offered once, however many epochs there are.
        const offers = context.stream.tasks.slice(0, context.task.index + 1);
        const total = offers.reduce((sum, {examples}) => sum + examples.train.length, 0);
        return bufferOf(state).seen < total ? observe({...context, state}, rows, reads) : state;
      },
      view: ({network, state}) => withMeans(network, state.arrays),
    };
  },
});

/** The classes of a head, each once, in order of appearance. */
function classesOf({topology}: Network): readonly number[] {
  return [...new Set(topology.head.segments.flatMap(({classes}) => classes))];
}

function randomDirection(units: number, seeds: SeedStream): HostArray<'float32'> {
  return hostArray(scaled(Float32Array.from({length: units}, () => 2 * seeds.uniform() - 1)), [units], 'float32');
}

/** [classes, units]; 0 for a class that has none yet. */
function prototypesOf(classes: readonly number[], arrays: Readonly<Record<string, HostArray>>): HostArray<'float32'> {
  const units = classes.flatMap((label) => arrays[meanOf(label)]?.data.length ?? [])[0]!;
  const data = new Float32Array(classes.length * units);
  classes.forEach((label, c) => {
    data.set((arrays[meanOf(label)]?.data as Float32Array | undefined) ?? [], c * units);
  });
  return hostArray(data, [classes.length, units], 'float32');
}

function contrastiveStep({network, path, state}: StepContext, temperature: number): StepPart {
  const classes = classesOf(network);
  const known = classes.map((label) => (meanOf(label) in state.arrays ? 1 : 0));
  const {shape} = prototypesOf(classes, state.arrays);
  const classOf = path.classes.map((label) => classes.map((own) => (own === label ? 1 : 0)));
  return {
    key: {cope: temperature, classOf, known},
    inputs: {},
    feeds: {prototypes: {shape, dtype: 'float32'}},
    losses: ({features, columns, weights, feeds}) => {
      const columnsOf = oneHot(columns, path.classes.length);
      const labels = tf.matMul(columnsOf, tf.tensor2d(classOf)); // [batch, classes]
      const given = {features: unit(features), prototypes: feeds['prototypes']!, labels, weights, temperature};
      return pseudoPrototypicalLosses({...given, known: tf.tensor1d(known)});
    },
    reads: ({features, columns, weights}) => ({
      features: unit(features),
      columns: tf.cast(columns, 'float32'),
      weights,
    }),
  };

  function unit(features: tf.Tensor): tf.Tensor {
    return tf.div(features, tf.sqrt(tf.add(tf.sum(tf.square(features), 1, true), 1e-12)));
  }
}

/** The prototypes after a batch of unit features: entries for the state's arrays. */
export function followed(
  classes: readonly number[],
  arrays: Readonly<Record<string, HostArray>>,
  {features, columns, weights}: Reads,
  momentum: number,
): Readonly<Record<string, HostArray<'float32'>>> {
  const units = features!.shape[1]!;
  const sums = new Map<number, Float32Array>();
  columns!.data.forEach((column, row) => {
    if (weights!.data[row] === 0) return;
    const label = classes[column]!;
    const sum = sums.get(label) ?? new Float32Array(units);
    for (let d = 0; d < units; d++) sum[d]! += features!.data[row * units + d]!;
    sums.set(label, sum);
  });
  const moved = [...sums].map(([label, sum]) => {
    const towards = scaled(sum);
    const before = arrays[meanOf(label)]!.data;
    const next = towards.map((value, d) => momentum * before[d]! + (1 - momentum) * value);
    return [meanOf(label), hostArray(scaled(next), [units], 'float32')] as const;
  });
  return Object.fromEntries(moved);
}
