import {bufferOf, drawnSlots, filledSlots, offered, type Policy, rowsAt, withBuffer} from './buffer.ts';
import type {Strategy} from './strategy.ts';

/** What a strategy with a buffer is told. */
export interface RehearsalOptions {
  readonly capacity: number;
  readonly batchSize: number;
  readonly policy: Policy;
}

type Rehearsing = Required<Pick<Strategy, 'taskSpecific' | 'mixesTasks' | 'rehearsalRows' | 'rehearse' | 'observe'>>;

/** Experience replay, which other strategies build on: every batch is offered to a buffer, and rows from it join the batch. */
export function rehearsing(options: RehearsalOptions): Rehearsing {
  const {capacity, batchSize} = options;
  return {
    taskSpecific: false,
    mixesTasks: capacity > 0,
    rehearsalRows: capacity === 0 ? 0 : batchSize,
    rehearse: ({state, seeds}) => ({rows: rowsAt(state, drawnSlots(filledSlots(state), batchSize, seeds))}),
    observe: ({state, stream, seeds}, rows) => {
      if (capacity === 0) return state;
      return withBuffer(state, offered(bufferOf(state), rows, options, stream, seeds).buffer, stream);
    },
  };
}
