import {type AnyDefinition, family} from '@accrete/kit';
import {splitClasses} from './split-classes.ts';
import type {StreamSource} from './stream.ts';
import {permuted, rotated} from './transformed.ts';

/** Task streams. */
export const streams = family<StreamSource>()('stream', [
  splitClasses,
  permuted,
  rotated,
] as const satisfies readonly AnyDefinition<StreamSource>[]);
