import {allOwners, countBytes, reinitialise} from '@accrete/core';
import {define} from '@accrete/kit';
import type {Strategy} from './strategy.ts';
import {isOwn, networkOfTask, ownNetwork} from './task-networks.ts';

/**
 * Independent networks: every task starts from fresh weights and keeps its own network, so that nothing is forgotten and nothing
 * is passed on. Measures what transfer is worth, and is the upper bound of growth without reuse.
 *
 * At a task's start the network of the task before moves into the state and the network begins anew; predictions for task j
 * see the network of task j. The heads are per task, so they are left as they are.
 *
 * Memory: one network per task.
 */
export const independent = define({
  kind: 'independent',
  summary: 'A network of its own for every task: nothing is forgotten, nothing passed on.',
  source: {cite: 'Veniat et al. 2021, "Independent"', url: 'https://arxiv.org/abs/2012.12631'},
  options: {},
  create: (): Strategy => ({
    taskSpecific: true,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network, state, seeds}) => {
      if (task.index === 0) return {};
      const own = allOwners(network.topology).filter(isOwn);
      const kept = ownNetwork(network, task.index - 1);
      return {
        network: reinitialise(network, isOwn, seeds.fork('reinitialise')),
        state: {values: state.values, arrays: {...state.arrays, ...kept}},
        growth: [
          {
            change: 'reinitialise',
            modules: own.map(({id}) => id),
            reason: 'every task has a network of its own; that of the task before is kept for its predictions',
            parametersAdded: 0,
            bytesAdded: countBytes(kept),
          },
        ],
      };
    },
    view: ({network, state, task}) => networkOfTask(network, state, task),
  }),
});
