import {bufferOf, offered, type Policy, withBuffer} from './buffer.ts';
import type {Strategy} from './strategy.ts';

/** A memory in which every task has so much room of its own, for its own examples: what a strategy makes of it. */
export function memoryByTask(capacity: number, policy: Policy): Required<Pick<Strategy, 'plan' | 'observe'>> {
  return {
    plan: ({state}) => ({state: {...state, values: {...state.values, seen: 0}}}),
    observe: ({task, state, stream, seeds}, newcomers) => {
      const {rows, seen} = bufferOf(state);
      const own = {rows: rows.filter((row) => row.task === task.index), seen};
      const fresh = newcomers.filter((row) => row.task === task.index);
      const {buffer} = offered(own, fresh, {capacity, policy}, stream, seeds);
      const earlier = rows.filter((row) => row.task !== task.index);
      return withBuffer(state, {rows: [...earlier, ...buffer.rows], seen: buffer.seen}, stream);
    },
  };
}
