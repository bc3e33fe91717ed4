import {freeze, type Grown, type Growth, growModules, type Network, reroute} from '@accrete/core';
import {define, type ParsedConfig, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {growAll} from './grow-all.ts';
import {growthNote} from './growth-note.ts';
import type {Strategy} from './strategy.ts';

/**
 * Progressive networks: every task brings a column, one layer of units at every site; it reads what all columns before it put
 * out at the layer below, and they never read it. What earlier tasks learned is frozen.
 *
 *   h_k[l] = f(W_k[l] [h_0[l-1]; ...; h_k[l-1]] + b_k[l])                                             without adapters
 *   h_k[l] = f(W_k[l] h_k[l-1] + b_k[l] + U f(V (alpha ∘ [h_0[l-1]; ...; h_{k-1}[l-1]]) + c))         with them
 *
 * The first column is the network's base. The strategy sets routing to `up-to-task` and aggregation to `concatenation`, which
 * needs a network whose layers form a chain; adapters are `lateral` modules, and need dense layers.
 *
 * Parameters grow with the square of the number of tasks; with adapters, where V projects down, by far less.
 *
 * @param options.units width of a column's layers; null: that of the base.
 * @param options.adapter lateral connections through an adapter (eq. 2 of the paper) instead of a matrix (eq. 1).
 */
export const progressive = define({
  kind: 'progressive',
  summary: 'Progressive networks: a column per task that reads all earlier columns; they are frozen.',
  source: {
    cite: 'Rusu et al. 2016, eqs. 1 and 2',
    url: 'https://arxiv.org/abs/1606.04671',
    deviations: ['of an adapter, alpha is a factor per feature of earlier columns, not per column'],
  },
  options: {
    units: z.int().min(1).nullable().default(null).describe("width of a column's layers; null takes the base's"),
    adapter: z
      .strictObject({
        inner: z
          .int()
          .min(1)
          .nullable()
          .default(null)
          .describe("width between V and U; null: that of the column's layer"),
      })
      .nullable()
      .default(null)
      .describe('lateral connections through a narrow non-linear layer; null: through a matrix'),
  },
  create: ({units, adapter}): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, seeds}) => {
      if (task.index === 0)
        return {network: reroute(network, {routing: {kind: 'up-to-task'}, aggregation: {kind: 'concatenation'}})};
      const frozen = freeze(network, () => true);
      const grown = withColumn(frozen.network, {task: task.index, units, adapter}, seeds.fork('init'));
      return {
        network: grown.network,
        growth: [
          growthNote('freeze', frozen.frozen, 'what earlier columns learned never moves'),
          growthNote('add', grown.added, 'every task brings a column', grown.parametersAdded),
        ],
      };
    },
  }),
});

interface Column {
  readonly task: number;
  readonly units: number | null;
  readonly adapter: {readonly inner: number | null} | null;
}

/** The network with a column: at the first site a layer like the base, and behind it such layers or those with adapters. */
function withColumn(network: Network, {task, units, adapter}: Column, seeds: SeedStream): Grown {
  const {sites} = network.topology;
  const layer: ParsedConfig = {...sites[0]!.base.computation, units};
  if (adapter === null) return growModules(network, {task, computation: layer}, seeds);
  const growths = sites.map(({id, activation}, i): Growth => {
    const own = units ?? sites[i - 1]?.base.units ?? null;
    const lateral: ParsedConfig = {kind: 'lateral', units, own, inner: adapter.inner, activation};
    return {task, computation: i === 0 ? layer : lateral, sites: [id]};
  });
  return growAll(network, growths, seeds);
}
