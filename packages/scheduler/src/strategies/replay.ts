import {define, hostArray, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import type {Row, Stream} from '../streams/stream.ts';
import {targetOf} from '../streams/stream.ts';
import type {Strategy, StrategyState} from './strategy.ts';

/** The buffer: task and example of each slot, in order of slots. */
interface Buffer {
  readonly tasks: Int32Array;
  readonly examples: Int32Array;
  /** Rows offered so far. */
  readonly seen: number;
}

/**
 * Experience replay: a buffer of past examples, some of which join every batch; the loss is the mean over both.
 *
 * `reservoir`: every example ever offered is in the buffer with the same probability capacity / offered (Vitter's algorithm R).
 * `class-balanced`: a full buffer gives up a random example of its most frequent class, so that classes come out even.
 *
 * The buffer holds positions in the stream, not images; its size in bytes is counted as if it held the images.
 *
 * @param options.capacity examples kept; 0 equals fine-tuning bit for bit (tested).
 * @param options.batchSize rows that join a batch; drawn with replacement where the buffer holds fewer.
 */
export const replay = define({
  kind: 'replay',
  summary: 'Experience replay: examples from a buffer join every batch.',
  source: {
    cite: 'Chaudhry et al. 2019 (ER); Vitter 1985 for the reservoir',
    url: 'https://arxiv.org/abs/1902.10486',
    deviations: ['examples are offered in the first epoch of a task only, so that none is in the buffer twice'],
  },
  options: {
    capacity: z.int().min(0).describe('examples kept'),
    batchSize: z.int().min(1).default(128).describe('rows that join a batch'),
    policy: z
      .enum(['reservoir', 'class-balanced'])
      .default('reservoir')
      .describe('which example makes room for a new one'),
  },
  create: ({capacity, batchSize, policy}): Strategy => ({
    taskSpecific: false,
    mixesTasks: capacity > 0,
    rehearsalRows: capacity === 0 ? 0 : batchSize,
    rehearse: ({state, seeds}) => {
      const buffer = bufferOf(state);
      const filled = buffer.tasks.length;
      if (filled === 0) return [];
      const row = (slot: number): Row => ({task: buffer.tasks[slot]!, example: buffer.examples[slot]!});
      if (filled < batchSize) return Array.from({length: batchSize}, () => row(seeds.integer(filled)));
      return [...distinct(filled, batchSize, seeds)].map(row);
    },
    observe: ({state, stream, seeds}, rows) => {
      if (capacity === 0) return state;
      const before = bufferOf(state);
      const slots: Row[] = [...before.tasks].map((task, i) => ({task, example: before.examples[i]!}));
      let seen = before.seen;
      for (const row of rows) {
        if (slots.length < capacity) slots.push(row);
        else {
          const victim =
            policy === 'reservoir' ? reservoirSlot(seen, capacity, seeds) : crowdedSlot(slots, row, stream, seeds);
          if (victim !== null) slots[victim] = row;
        }
        seen++;
      }
      return {
        values: {seen, bytes: slots.length * stream.features},
        arrays: {
          tasks: hostArray(
            Int32Array.from(slots, (r) => r.task),
            [slots.length],
            'int32',
          ),
          examples: hostArray(
            Int32Array.from(slots, (r) => r.example),
            [slots.length],
            'int32',
          ),
        },
      };
    },
  }),
});

function bufferOf(state: StrategyState): Buffer {
  const {tasks, examples} = state.arrays;
  return {
    tasks: (tasks?.data as Int32Array | undefined) ?? new Int32Array(0),
    examples: (examples?.data as Int32Array | undefined) ?? new Int32Array(0),
    seen: (state.values['seen'] as number | undefined) ?? 0,
  };
}

function reservoirSlot(seen: number, capacity: number, seeds: SeedStream): number | null {
  const place = seeds.integer(seen + 1);
  return place < capacity ? place : null;
}

/** A random slot of the most frequent class; null where that is the newcomer's own (also at a tie) and the draw leaves it out. */
function crowdedSlot(slots: readonly Row[], row: Row, stream: Stream, seeds: SeedStream): number | null {
  const byClass = new Map<number, number[]>();
  slots.forEach((slot, i) => {
    const label = targetOf(stream, 'train', slot);
    const places = byClass.get(label);
    if (places) places.push(i);
    else byClass.set(label, [i]);
  });
  const crowded = [...byClass.values()].reduce((a, b) => (b.length > a.length ? b : a));
  const own = byClass.get(targetOf(stream, 'train', row)) ?? [];
  if (own.length === crowded.length)
    return seeds.integer(own.length + 1) < own.length ? own[seeds.integer(own.length)]! : null;
  return crowded[seeds.integer(crowded.length)]!;
}

/** `count` different integers below `bound` (Floyd's algorithm). */
function distinct(bound: number, count: number, seeds: SeedStream): Set<number> {
  const chosen = new Set<number>();
  for (let top = bound - count; top < bound; top++) {
    const draw = seeds.integer(top + 1);
    chosen.add(chosen.has(draw) ? top : draw);
  }
  return chosen;
}
