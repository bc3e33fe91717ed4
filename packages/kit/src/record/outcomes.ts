import {float32, int32, tableFromArrays, tableFromIPC, tableToIPC} from '@uwdata/flechette';
import {HarnessError} from '../errors/harness-error.ts';

/**
 * Raw outcomes of one evaluation, one row per example of a split: what every metric is computed from.
 * All columns have one length; rows are in the order of the split.
 */
export interface Outcomes {
  /** Index of the task the example belongs to. */
  readonly evalTask: Int32Array;
  /** Index of the example in its task's split. */
  readonly example: Int32Array;
  /** True class, as a label of the data set. */
  readonly label: Int32Array;
  /** Predicted class, as a label of the data set; -1 where the logits were not finite. */
  readonly prediction: Int32Array;
  /** Softmax probability of the predicted class, in [0, 1]; NaN where the logits were not finite. */
  readonly score: Float32Array;
  /** Negative log-likelihood of the true class [nats]; infinite where the label was not among the classes offered. */
  readonly loss: Float32Array;
  /** The task that the network took the example to belong to; equals `evalTask` where the task was given. */
  readonly inferredTask: Int32Array;
}

const columns = {
  evalTask: Int32Array,
  example: Int32Array,
  label: Int32Array,
  prediction: Int32Array,
  score: Float32Array,
  loss: Float32Array,
  inferredTask: Int32Array,
} as const;

/** Name of the file that holds the outcomes after a task: `after-003.arrow`; before any training `before.arrow`. */
export function outcomesFile(afterTask: number): string {
  return afterTask < 0 ? 'before.arrow' : `after-${String(afterTask).padStart(3, '0')}.arrow`;
}

/** Outcomes as an Arrow IPC file. The same outcomes give the same bytes. */
export function encodeOutcomes(outcomes: Outcomes): Uint8Array {
  const names = Object.keys(columns) as (keyof Outcomes)[];
  // Types are given, as an empty column has nothing to tell its type from.
  const types = Object.fromEntries(names.map((name) => [name, columns[name] === Int32Array ? int32() : float32()]));
  const table = tableFromArrays(Object.fromEntries(names.map((name) => [name, outcomes[name]])), {types});
  const bytes = tableToIPC(table, {format: 'file'});
  if (!bytes) throw new HarnessError('E_RECORD', 'Arrow encoding returned nothing.');
  return bytes;
}

/**
 * Outcomes of an Arrow IPC file.
 *
 * @throws HarnessError E_RECORD where the bytes are no Arrow file, or a column is missing or of another type.
 */
export function decodeOutcomes(bytes: Uint8Array, where = 'outcomes'): Outcomes {
  let table: ReturnType<typeof tableFromIPC>;
  try {
    table = tableFromIPC(bytes);
  } catch (cause) {
    throw new HarnessError(
      'E_RECORD',
      `${where} is no readable Arrow file. Resume the run to write it again.`,
      {where},
      cause,
    );
  }
  const read = Object.entries(columns).map(([name, type]) => {
    const column = table.getChild(name)?.toArray();
    // An empty column has no batch to take its type from.
    const values = table.numRows === 0 && column ? new type(0) : column;
    if (!(values instanceof type)) {
      throw new HarnessError(
        'E_RECORD',
        `${where}: expected column "${name}" as ${type.name}, got ${values?.constructor.name ?? 'none'}.`,
      );
    }
    return [name, values];
  });
  return Object.fromEntries(read) as Outcomes;
}
