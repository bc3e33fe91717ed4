import {define, HarnessError} from '@accrete/kit';
import type {TaskInference} from './task-inference.ts';

/** The task that the strategy itself recognises in an image. */
export const recognition = define({
  kind: 'recognition',
  summary: 'The task that the strategy itself recognises, such as by an autoencoder per task.',
  source: {cite: 'Aljundi et al. 2017 (Expert Gate), section 3.1', url: 'https://arxiv.org/abs/1611.06194'},
  options: {},
  create: (): TaskInference => ({
    from: 'images',
    infer: async ({engine, stream, part, rows, seen, recognise}) => {
      if (recognise === null) {
        throw new HarnessError('E_COMBINATION', 'no strategy of the run recognises tasks. Set another taskInference.');
      }
      const fits = await recognise({engine, stream, part, rows, tasks: seen});
      return Int32Array.from(rows, (_, row) => {
        const own = fits.subarray(row * seen.length, (row + 1) * seen.length);
        return own.reduce((best, fit, k) => (fit > own[best]! ? k : best), 0);
      });
    },
  }),
});
