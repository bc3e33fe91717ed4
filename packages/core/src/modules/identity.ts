import {define} from '@accrete/kit';
import {inPlaceOf, needsEqualWidths} from './in-place-of.ts';
import type {Computation} from './module.ts';

/**
 * The hidden state as it is: the base of a place, such as the end of a block, where only modules compute.
 *
 * Source: standard.
 */
export const identity = define({
  kind: 'identity',
  summary: 'Puts out what comes in: a base where only modules compute.',
  source: {cite: 'standard'},
  options: {},
  create: (): Computation => {
    const placed = inPlaceOf('identity', ['identity']);
    const widths = needsEqualWidths('identity');
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: false,
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? widths(site),
      parameters: () => ({}),
      run: ({h}) => h,
    };
  },
});
