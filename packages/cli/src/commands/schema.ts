import {experimentSchema} from '@accrete/scheduler';
import * as z from 'zod';
import type {FillCommand} from './command.ts';

/** JSON Schema of an experiment file, for editors. */
export function experimentJsonSchema(): unknown {
  return {title: 'Accrete experiment', ...z.toJSONSchema(experimentSchema, {io: 'input', reused: 'ref'})};
}

/** `accrete schema`. */
export const schemaCommand: FillCommand = (command) =>
  command.action(() => {
    process.stdout.write(`${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
  });
