import {define, type HostArray, hostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {without} from '../training/row-weights.ts';
import {bufferOf, bufferOptions, drawnSlots, filledSlots, offered, rowsAt, withBuffer} from './buffer.ts';
import {nothing} from './quadratic-pull.ts';
import type {RehearsalOptions} from './rehearsing.ts';
import type {Span, StepPart, Strategy, StrategyState} from './strategy.ts';

interface DarkOptions extends RehearsalOptions {
  readonly strength: number;
  readonly labelStrength: number;
}

const strength = z.number().min(0).describe('alpha: weight of the stored logits');

/**
 * Dark experience replay: the buffer holds, with every example, the logits that the network gave when the example came, and
 * the network is to go on giving them. The labels of rehearsed examples are not used.
 *
 *   loss = mean over the task's rows + strength * mean_{n, c} (logits[n][c] - stored[n][c])^2          [nats; none]
 *
 * over rehearsed rows n and the columns c that the head had when n was stored. Every epoch offers its examples anew, with the
 * logits of that time, so one may stand in the buffer more than once.
 *
 * @param options.strength alpha in the paper; the mean over columns is that of the authors' code. 0 equals fine-tuning bit for
 *   bit (tested), and so does capacity 0.
 *
 * Memory: 4 bytes per example and class, beside the images.
 */
export const der = define({
  kind: 'der',
  summary: 'Dark experience replay: rehearsed examples are to keep the logits that they had.',
  source: {
    cite: 'Buzzega et al. 2020 (DER)',
    url: 'https://arxiv.org/abs/2004.07211',
  },
  options: {...bufferOptions, strength},
  create: (options): Strategy => darkReplay({...options, labelStrength: 0}),
});

/**
 * DER++: dark experience replay, and the labels of a second draw from the buffer.
 *
 *   loss = that of `der` + labelStrength * mean over a second draw of rehearsed rows          [nats]
 *
 * @param options.batchSize rows of either draw.
 * @param options.labelStrength beta in the paper; 0, with strength 0, equals fine-tuning bit for bit (tested).
 */
export const derPlusPlus = define({
  kind: 'der++',
  summary: 'Dark experience replay with labels: rehearsed examples keep their logits, and a second draw their labels.',
  source: {
    cite: 'Buzzega et al. 2020 (DER++)',
    url: 'https://arxiv.org/abs/2004.07211',
  },
  options: {...bufferOptions, strength, labelStrength: z.number().min(0).describe('beta: weight of the labels')},
  create: (options): Strategy => darkReplay(options),
});

function darkReplay(options: DarkOptions): Strategy {
  const {capacity, batchSize, labelStrength} = options;
  const idle = capacity === 0 || options.strength + labelStrength === 0;
  const base = {taskSpecific: false, mixesTasks: !idle};
  if (idle) return {...base, rehearsalRows: 0};
  const draws = labelStrength > 0 ? 2 : 1;
  return {
    ...base,
    rehearsalRows: draws * batchSize,
    everyEpoch: true,
    step: ({path, own, rehearsed}) => darkStep(options, path.classes.length, own, rehearsed),
    rehearse: ({state, network, seeds}) => {
      const filled = filledSlots(state);
      if (filled === 0) return {rows: []};
      const slots = Array.from({length: draws}, () => drawnSlots(filled, batchSize, seeds)).flat();
      const width = network.topology.head.segments.reduce((sum, {units}) => sum + units, 0);
      return {rows: rowsAt(state, slots), feeds: storedLogits(state, slots.slice(0, batchSize), width)};
    },
    observe: ({state, stream, seeds}, rows, {logits}) => {
      const {buffer, places} = offered(bufferOf(state), rows, options, stream, seeds);
      return withLogits(withBuffer(state, buffer, stream), state, places, logits!);
    },
  };
}

function darkStep(
  {strength, labelStrength, batchSize}: DarkOptions,
  classes: number,
  own: Span,
  rehearsed: Span,
): StepPart {
  if (rehearsed.rows === 0) return nothing;
  const shape = [batchSize, classes];
  return {
    key: {dark: [strength, labelStrength]},
    inputs: {},
    feeds: {stored: {shape, dtype: 'float32'}, known: {shape, dtype: 'float32'}},
    weigh: (weights) => without(weights, rehearsed),
    term: ({logits, losses, weights, feeds}) => {
      const found = tf.slice(logits, [rehearsed.from, 0], [batchSize, -1]);
      const away = tf.mul(tf.square(tf.sub(found, feeds['stored']!)), feeds['known']!);
      const kept = tf.mul(tf.div(tf.sum(away), atLeastOne(feeds['known']!)), strength);
      if (labelStrength === 0) return kept;
      const second = [rehearsed.from + batchSize];
      const counted = tf.slice(weights, second, [batchSize]);
      const labelled = tf.div(tf.sum(tf.mul(tf.slice(losses, second, [batchSize]), counted)), atLeastOne(counted));
      return tf.add(kept, tf.mul(labelled, labelStrength));
    },
    reads: ({logits}) => ({logits: tf.slice(logits, [own.from, 0], [own.rows, -1])}),
  };
}

// Before anything is stored, all there is to sum is 0.
function atLeastOne(counts: tf.Tensor): tf.Tensor {
  return tf.maximum(tf.sum(counts), 1);
}

/** Logits of some slots and which columns they have, [slots, width]. A head that has grown since has columns more. */
function storedLogits({arrays}: StrategyState, slots: readonly number[], width: number) {
  const {logits, columns} = arrays;
  const stored = new Float32Array(slots.length * width);
  const known = new Float32Array(slots.length * width);
  const stride = logits!.shape[1]!;
  slots.forEach((slot, row) => {
    const there = columns!.data[slot]!;
    stored.set((logits!.data as Float32Array).subarray(slot * stride, slot * stride + there), row * width);
    known.fill(1, row * width, row * width + there);
  });
  const shape = [slots.length, width];
  return {stored: hostArray(stored, shape, 'float32'), known: hostArray(known, shape, 'float32')};
}

/** `state` with the logits of rows that came into the buffer, and those of the slots that were there before. */
function withLogits(
  state: StrategyState,
  before: StrategyState,
  places: readonly (number | null)[],
  fresh: HostArray,
): StrategyState {
  const slots = state.arrays['tasks']!.data.length;
  const width = fresh.shape[1]!;
  const {logits: old, columns: oldColumns} = before.arrays;
  const logits = new Float32Array(slots * width);
  const columns = new Int32Array(slots);
  if (old && oldColumns) {
    columns.set(oldColumns.data);
    const stride = old.shape[1]!;
    for (let slot = 0; slot < oldColumns.data.length; slot++) {
      logits.set((old.data as Float32Array).subarray(slot * stride, (slot + 1) * stride), slot * width);
    }
  }
  places.forEach((place, row) => {
    if (place === null) return;
    logits.set((fresh.data as Float32Array).subarray(row * width, (row + 1) * width), place * width);
    columns[place] = width;
  });
  const bytes = (state.values['bytes'] as number) + logits.byteLength;
  return {
    values: {...state.values, bytes},
    arrays: {
      ...state.arrays,
      logits: hostArray(logits, [slots, width], 'float32'),
      columns: hostArray(columns, [slots], 'int32'),
    },
  };
}
