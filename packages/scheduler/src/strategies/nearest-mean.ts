import {freeze} from '@accrete/core';
import {define} from '@accrete/kit';
import {trainingRows} from '../streams/stream.ts';
import {classMeans, withMeans} from './class-means.ts';
import {growthNote} from './growth-note.ts';
import type {Strategy} from './strategy.ts';

/**
 * A frozen encoder with the nearest class mean: what the first task learned stays, and every class is predicted by the mean of
 * its features. The baseline that every method on a frozen encoder has to beat.
 *
 *   mu[c] = unit(mean over the training examples of class c of unit(phi(x))),   prediction(x) = argmax_c phi(x) . mu[c]
 *
 * After the first task nothing is trained, so the mean of a class is exact and stays. Scores are not calibrated.
 *
 * Memory: one mean per class.
 */
export const nearestMean = define({
  kind: 'nearest-mean',
  summary: 'A frozen encoder, and for every class the mean of its features: the nearest one predicts.',
  source: {
    cite: 'Mensink et al. 2013 (NCM); as the baseline of prompt methods: Janson et al. 2022',
    url: 'https://arxiv.org/abs/2210.04428',
    deviations: ['the encoder is learned with the first task, not pre-trained'],
  },
  options: {},
  create: (): Strategy => ({
    taskSpecific: false,
    mixesTasks: false,
    rehearsalRows: 0,
    plan: ({task, network}) => {
      if (task.index === 0) return {};
      const {network: still, frozen} = freeze(network, () => true);
      const reason = 'the encoder is what the first task learned; classes come as means of its features';
      return {
        network: still,
        phases: [],
        growth: [growthNote('freeze', frozen, reason)],
      };
    },
    consolidate: async (context) => {
      const means = await classMeans(context, trainingRows(context.task));
      const {values, arrays} = context.state;
      return {state: {values, arrays: {...arrays, ...means}}};
    },
    view: ({network, state}) => withMeans(network, state.arrays),
  }),
});
