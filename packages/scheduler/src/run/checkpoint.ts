import {
  decodeSafetensors,
  encodeSafetensors,
  type Network,
  type OptimizerState,
  type Topology,
  validateNetwork,
} from '@accrete/core';
import {contentHash, HarnessError, type HostArray, type Json, messageOf, RECORD_VERSION} from '@accrete/kit';
import * as z from 'zod';
import type {Phase, StrategyState} from '../strategies/strategy.ts';
import type {Sums} from '../training/trainer.ts';
import type {Spent} from './meter.ts';

/**
 * Where a run stands. `step` steps of `epoch` of `phase` of `task` are done; a task that has not begun yet has `begun` false.
 * Seed streams need no state: they are forked by these numbers.
 */
export interface Cursor {
  readonly task: number;
  readonly begun: boolean;
  readonly phase: number;
  readonly epoch: number;
  readonly step: number;
}

/** What a task's start decided, kept so that a resumed task goes on by the same plan. */
export interface TaskPlan {
  readonly phases: readonly Phase[];
  readonly still: readonly string[];
  /** True where a search for the task's network has ended, or there was none. */
  readonly searched: boolean;
}

/** Everything that a run needs to go on as if it had not stopped. */
export interface Checkpoint {
  readonly cursor: Cursor;
  readonly network: Network;
  readonly optimizerState: OptimizerState;
  readonly strategyStates: readonly StrategyState[];
  readonly plan: TaskPlan | null;
  /** Sums of the epoch under way, for its event. */
  readonly sums: Sums | null;
  readonly frozen: Readonly<Record<string, string>>;
  readonly spent: Spent;
}

const headerSchema = z.object({
  version: z.literal(RECORD_VERSION),
  cursor: z.custom<Cursor>((v) => typeof v === 'object' && v !== null),
  topology: z.custom<Topology>((v) => typeof v === 'object' && v !== null),
  values: z.array(z.custom<Record<string, Json>>((v) => typeof v === 'object' && v !== null)),
  plan: z.custom<TaskPlan>((v) => typeof v === 'object').nullable(),
  sums: z.custom<Sums>((v) => typeof v === 'object').nullable(),
  frozen: z.record(z.string(), z.string()),
  spent: z.custom<Spent>((v) => typeof v === 'object' && v !== null),
  extra: z.custom<Json>(),
  contentHash: z.string(),
});

/**
 * A checkpoint as one safetensors file: arrays by name, everything else as JSON in its metadata, with a content hash over both.
 *
 * @param extra what the writer wants kept beside it, such as how far the event log reached.
 */
export function encodeCheckpoint(checkpoint: Checkpoint, extra: Json): Uint8Array {
  const arrays: Record<string, HostArray> = {};
  for (const [path, array] of Object.entries(checkpoint.network.parameters)) arrays[`parameter/${path}`] = array;
  for (const [key, array] of Object.entries(checkpoint.optimizerState)) arrays[`optimizer/${key}`] = array;
  checkpoint.strategyStates.forEach((state, i) => {
    for (const [name, array] of Object.entries(state.arrays)) arrays[`strategy/${i}/${name}`] = array;
  });
  const header = {
    version: RECORD_VERSION,
    cursor: checkpoint.cursor,
    topology: checkpoint.network.topology,
    values: checkpoint.strategyStates.map((state) => state.values),
    plan: checkpoint.plan,
    sums: checkpoint.sums,
    frozen: checkpoint.frozen,
    spent: checkpoint.spent,
    extra,
  };
  const text = JSON.stringify(header);
  return encodeSafetensors({arrays, metadata: {accrete: text, contentHash: fingerprint(text, arrays)}});
}

/** @throws HarnessError E_RECORD where the bytes are damaged, of another version, or do not fit together. */
export function decodeCheckpoint(bytes: Uint8Array, where: string): {checkpoint: Checkpoint; extra: Json} {
  try {
    const {arrays, metadata} = decodeSafetensors(bytes, where);
    const text = metadata['accrete'] ?? '';
    if (fingerprint(text, arrays) !== metadata['contentHash'])
      throw new Error('its content hash does not match its content');
    const header = headerSchema.parse({...JSON.parse(text), contentHash: metadata['contentHash']});
    const under = (prefix: string): Record<string, HostArray> =>
      Object.fromEntries(
        Object.entries(arrays)
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, array]) => [name.slice(prefix.length), array]),
      );
    const network: Network = {
      topology: header.topology,
      parameters: under('parameter/') as Network['parameters'],
    };
    validateNetwork(network);
    const checkpoint: Checkpoint = {
      cursor: header.cursor,
      network,
      optimizerState: under('optimizer/') as OptimizerState,
      strategyStates: header.values.map((values, i) => ({values, arrays: under(`strategy/${i}/`)})),
      plan: header.plan,
      sums: header.sums,
      frozen: header.frozen,
      spent: header.spent,
    };
    return {checkpoint, extra: header.extra};
  } catch (cause) {
    throw new HarnessError(
      'E_RECORD',
      `${where} is damaged: ${messageOf(cause)}. Delete the run folder and run again.`,
      {where},
      cause,
    );
  }
}

function fingerprint(text: string, arrays: Readonly<Record<string, HostArray>>): string {
  const bytes = new TextEncoder().encode(text);
  return contentHash({...arrays, 'header text': {shape: [bytes.length], dtype: 'uint8', data: bytes}});
}
