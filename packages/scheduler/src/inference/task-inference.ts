import type {Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import type {Recognition} from '../strategies/strategy.ts';
import type {Part, Row, Stream} from '../streams/stream.ts';
import type {Compiled} from '../training/predictor.ts';

/** Guesses, from the logits that each task's own path gives for one example, which task the example belongs to. */
export interface LogitInference {
  readonly from: 'logits';
  /** How well an example fits a task; the task with the largest value is taken, the earliest one at a tie. */
  fit(logits: Float32Array): number;
}

/** Whose tasks are to be inferred, and what by. */
export interface InferenceRequest {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly part: Part;
  readonly rows: readonly Row[];
  /** Tasks that the network was trained on so far. */
  readonly seen: readonly number[];
  /** The network as predictions for a task see it. */
  readonly view: (task: number) => Network;
  /** How a strategy recognises tasks; null where none does. */
  readonly recognise: ((images: Omit<Recognition, 'network' | 'state'>) => Promise<Float32Array>) | null;
  readonly compiled: Compiled;
}

/** Guesses the task of examples before any path is chosen, each from its image alone. */
export interface ImageInference {
  readonly from: 'images';
  /** @returns for every row, the place of its task among those seen. */
  infer(request: InferenceRequest): Promise<Int32Array>;
}

/** A way to infer the task of an example where the scenario withholds it. */
export type TaskInference = LogitInference | ImageInference;
