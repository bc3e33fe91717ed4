import {type Path, type RoutingSummary, routingTally, type RoutingTally as Tally} from '@accrete/core';
import type {Buffers} from '@accrete/engine';
import type {HostArray} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';
import type {Row} from '../streams/stream.ts';

/** A routing event without what the runner adds. */
export type Routing = RoutingSummary;

const PREFIX = 'route/';

/** Scores by site under the names that `RoutingTally.take` knows, as outputs of a program. */
export function namedRoutes(routes: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(routes).map(([site, alpha]) => [`${PREFIX}${site}`, alpha]));
}

/** How routers share out the examples of a stream among modules, by site and the examples' task; see core's `routingTally`. */
export class RoutingTally {
  readonly #tally: Tally = routingTally();

  /**
   * Adds what a program put out under `namedRoutes`, and disposes it.
   *
   * @param rows those of the batch that count, its first ones; null for one that does not.
   */
  async take(path: Path, routes: Buffers, rows: readonly (Row | null)[]): Promise<void> {
    const tasks = rows.map((row) => row?.task ?? null);
    for (const [name, buffer] of Object.entries(routes)) {
      this.#tally.add(path, name.slice(PREFIX.length), (await buffer.read()) as HostArray<'float32'>, tasks);
      buffer.dispose();
    }
  }

  /** What was counted, by site and task. */
  summary(): readonly Routing[] {
    return this.#tally.summary();
  }
}
