import {float32, int32, tableFromArrays, tableToIPC} from '@uwdata/flechette';
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
 * Outcomes of a file that `encodeOutcomes` made. The columns are parts of one copy: the bytes may be let go.
 *
 * An Arrow reader trusts the counts in a file: one flipped bit can make it allocate without end. So all but the data itself
 * must be what we write for some number of rows, byte for byte, and the columns are then where we would have put them.
 *
 * @throws HarnessError E_RECORD where it is not.
 */
export function decodeOutcomes(bytes: Uint8Array, where = 'outcomes'): Outcomes {
  const layout = layoutIn(bytes);
  if (layout === undefined) {
    throw new HarnessError(
      'E_RECORD',
      `${where} is no Arrow file of outcomes (${names.join(', ')}) as this version of Accrete writes it: ` +
        'it is damaged, cut or of another origin. Resume the run to write it again.',
      {where},
    );
  }
  // One copy of the whole, of which the columns are parts: seven small ones would take longer than all else.
  const {buffer} = new Uint8Array(bytes);
  const column = (name: keyof Outcomes, at: number) => new columns[name](buffer, at, layout.rows);
  return Object.fromEntries(names.map((name, i) => [name, column(name, layout.offsets[i]!)])) as unknown as Outcomes;
}

/** Where a file of so many rows holds what; its size does not grow with them. */
interface Layout {
  readonly rows: number;
  /** Bytes of the file. */
  readonly length: number;
  /** Where the data of each column begins. */
  readonly offsets: readonly number[];
  /** Everything that is not data: where it stands, and the bytes that must stand there. */
  readonly fixed: readonly {readonly at: number; readonly bytes: Uint8Array}[];
}

/** The layout that a file has; undefined where it has none of ours. */
function layoutIn(bytes: Uint8Array): Layout | undefined {
  const guess = Math.max(1, 1 + Math.floor((bytes.length - layoutOf(1).length) / (4 * names.length)));
  // Columns are padded, so that a few numbers of rows take the same space.
  for (const rows of [guess, guess + 1, guess - 1, 0]) {
    const layout = layoutOf(rows);
    if (layout.length !== bytes.length) continue;
    if (layout.fixed.every(({at, bytes: own}) => Buffer.compare(own, bytes.subarray(at, at + own.length)) === 0)) {
      return layout;
    }
  }
  return undefined;
}

/** Runs have few sizes of evaluation, and a folder of runs the same ones again and again. */
const layouts = new Map<number, Layout>();
const MOST_LAYOUTS = 256;

function layoutOf(rows: number): Layout {
  const known = layouts.get(rows);
  if (known) return known;
  if (layouts.size === MOST_LAYOUTS) layouts.clear();
  const layout = measured(rows);
  layouts.set(rows, layout);
  return layout;
}

/** A layout from two files that differ in their data alone: each column is all zeros in one, all its own mark in the other. */
function measured(rows: number): Layout {
  const zeros = encodeOutcomes(filled(rows, () => 0));
  const marked = encodeOutcomes(filled(rows, (column) => column + 1));
  const offsets = names.map(() => 0);
  const fixed: {at: number; bytes: Uint8Array}[] = [];
  let start = 0;
  for (let at = 0; at <= zeros.length; ) {
    if (at < zeros.length && zeros[at] === marked[at]) {
      at++;
      continue;
    }
    if (at > start) fixed.push({at: start, bytes: zeros.slice(start, at)});
    if (at === zeros.length) break;
    offsets[marked[at]! - 1] = at;
    at += 4 * rows;
    start = at;
  }
  return {rows, length: zeros.length, offsets, fixed};
}

function filled(rows: number, byteOf: (column: number) => number): Outcomes {
  const column = (name: keyof Outcomes, i: number) =>
    new columns[name](new Uint8Array(4 * rows).fill(byteOf(i)).buffer);
  return Object.fromEntries(names.map((name, i) => [name, column(name, i)])) as unknown as Outcomes;
}
