import {type ArraySpec, type HostArray, messageOf, zeros} from '@accrete/kit';
import type {InferenceSession, Tensor} from 'onnxruntime-node';

export type Ort = typeof import('onnxruntime-node');

/** What onnxruntime-node says after a run, on its way to make JavaScript arrays of the outputs, about one that is a sequence. */
const SEQUENCE_REFUSED = 'Non tensor type is temporarily not supported.';

/** What the first output of every file is called: an empty sequence, see `runInto`. */
export const leadingOutput = 'empty';

/** A session for the graph of a file. @throws Error where ONNX Runtime does not take it. */
export function openSession(ort: Ort, model: Uint8Array, threads: number): Promise<InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // Threads wait for the next node awake, for a millisecond at most. Asleep, two of them take a sixth to a third longer for a
    // step, as each node wakes them anew; awake without end, they take the processor from other programs and the host's own work.
    extra: {session: {intra_op: {allow_spinning: '1', spin_duration_us: '1000'}}},
  });
}

/**
 * Runs a session whose outputs all have memory of their own before it runs.
 *
 * onnxruntime-node 1.30 makes an array of its own of every output after a run, and copies the values into it, even of those that
 * were given memory to be written to; for a training step that is all parameters, every step, and garbage at once. It does so in
 * order, and refuses a sequence: with an empty one in front, the run ends in that refusal when all outputs are written and before
 * any is copied. A step of an MLP of 270,000 parameters takes an eighth less time so. A version that takes sequences, or copies no
 * more, runs the same files to their ordinary end.
 */
export async function runInto(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<void> {
  try {
    await session.run(feeds, {[leadingOutput]: null, ...outputs});
  } catch (error) {
    if (messageOf(error) !== SEQUENCE_REFUSED) throw error;
  }
}

/** Memory for an array, as ONNX Runtime takes it. */
export function tensorOver(ort: Ort, {data, shape, dtype}: HostArray): Tensor {
  return new ort.Tensor(dtype, data as never, shape);
}

/** Memory for what a session will put out. */
export function emptyTensor(ort: Ort, {shape, dtype}: ArraySpec): Tensor {
  return tensorOver(ort, zeros(shape, dtype));
}
