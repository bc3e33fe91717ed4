import type {EventOf, RunEvent} from '@accrete/kit';

/**
 * Events of one type, each fact once. A resumed run may have logged again what came after its checkpoint: of events with
 * the same key the last one holds, at the place of the first.
 */
export function latest<K extends RunEvent['type']>(
  events: readonly RunEvent[],
  type: K,
  key: (event: EventOf<K>) => string,
): EventOf<K>[] {
  const found = new Map<string, EventOf<K>>();
  for (const event of events) {
    if (event.type !== type) continue;
    const typed = event as EventOf<K>;
    found.set(key(typed), typed);
  }
  return [...found.values()];
}

/** The first event of a type, if any. */
export function firstOf<K extends RunEvent['type']>(events: readonly RunEvent[], type: K): EventOf<K> | undefined {
  return events.find((event) => event.type === type) as EventOf<K> | undefined;
}

/** The last event of a type, if any. */
export function lastOf<K extends RunEvent['type']>(events: readonly RunEvent[], type: K): EventOf<K> | undefined {
  return events.findLast((event) => event.type === type) as EventOf<K> | undefined;
}
