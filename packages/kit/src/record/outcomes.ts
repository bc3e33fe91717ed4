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
  /** The task that the network took the example to belong to: `evalTask` where it was given, -1 where none was inferred. */
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

const names = Object.keys(columns) as (keyof Outcomes)[];

/**
 * Outcomes as an Arrow IPC file. The same outcomes give the same bytes.
 *
 * @throws HarnessError E_SHAPE where the columns differ in length.
 */
export function encodeOutcomes(outcomes: Outcomes): Uint8Array {
  const lengths = names.map((name) => outcomes[name].length);
  if (new Set(lengths).size > 1) {
    const found = names.map((name, i) => `${name} ${lengths[i]}`).join(', ');
    throw new HarnessError('E_SHAPE', `columns of outcomes have one length, got ${found}.`);
  }
  // An empty column has nothing to tell its type from; with types given, others would be copied element by element.
  const types = Object.fromEntries(names.map((name) => [name, columns[name] === Int32Array ? int32() : float32()]));
  const table = tableFromArrays(
    Object.fromEntries(names.map((name) => [name, outcomes[name]])),
    lengths[0] === 0 ? {types} : {},
  );
  const bytes = tableToIPC(table, {format: 'file'});
  if (!bytes) throw new HarnessError('E_RECORD', 'Arrow encoding returned nothing.');
  return bytes;
}

/**
 * Outcomes of a file that `encodeOutcomes` made.
 *
 * The Arrow reader trusts the counts in a file: one flipped bit can make it allocate without end. So all but the data itself
 * must first be what we write for some number of rows, byte for byte.
 *
 * @throws HarnessError E_RECORD where it is not.
 */
export function decodeOutcomes(bytes: Uint8Array, where = 'outcomes'): Outcomes {
  const rows = rowsOf(bytes);
  if (rows === undefined) {
    throw new HarnessError(
      'E_RECORD',
      `${where} is no Arrow file of outcomes (${names.join(', ')}) as this version of Accrete writes it: ` +
        'it is damaged, cut or of another origin. Resume the run to write it again.',
      {where},
    );
  }
  const table = tableFromIPC(bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes));
  // An empty column has no batch to take its type from.
  const read = names.map((name) => [name, rows === 0 ? new columns[name](0) : table.getChild(name)!.toArray()]);
  return Object.fromEntries(read) as Outcomes;
}

/** How many rows a file holds; undefined where it is laid out as for none. */
function rowsOf(bytes: Uint8Array): number | undefined {
  const base = encodeOutcomes(filled(1, 0)).length;
  const guess = Math.max(1, 1 + Math.floor((bytes.length - base) / (4 * names.length)));
  // Columns are padded, so that a few numbers of rows take the same space.
  return [guess, guess + 1, guess - 1, 0].find((rows) => isLaidOutFor(rows, bytes));
}

/** True where `bytes` is what we write for so many rows, apart from the data: the bytes that move as the data does. */
function isLaidOutFor(rows: number, bytes: Uint8Array): boolean {
  const low = encodeOutcomes(filled(rows, 0));
  if (low.length !== bytes.length) return false;
  const high = encodeOutcomes(filled(rows, 255));
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== low[i] && low[i] === high[i]) return false;
  return true;
}

function filled(rows: number, byte: number): Outcomes {
  const column = (name: keyof Outcomes) => new columns[name](new Uint8Array(4 * rows).fill(byte).buffer);
  return Object.fromEntries(names.map((name) => [name, column(name)])) as unknown as Outcomes;
}
