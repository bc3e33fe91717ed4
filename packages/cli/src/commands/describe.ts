import {type Description, HarnessError} from '@accrete/kit';
import {lookUp, registries} from '../registries.ts';
import {wrapped} from '../terminal/text.ts';
import type {FillCommand} from './command.ts';

/** `accrete list [registry]`. */
export const listCommand: FillCommand = (command) =>
  command.argument('[registry]', `one of ${Object.keys(registries).join(', ')}`).action((name: string | undefined) => {
    if (name !== undefined && !(name in registries)) {
      throw new HarnessError('E_UNKNOWN', `unknown registry "${name}". Known: ${Object.keys(registries).join(', ')}.`);
    }
    const chosen = Object.entries(registries).filter(([registry]) => name === undefined || registry === name);
    for (const [registry, {kinds, describe}] of chosen) {
      process.stdout.write(`${registry}\n`);
      const width = Math.max(...kinds.map((kind) => kind.length));
      for (const kind of kinds) process.stdout.write(`  ${kind.padEnd(width)}  ${describe(kind).summary}\n`);
    }
  });

/** `accrete describe <kind>`. */
export const describeCommand: FillCommand = (command) =>
  command.argument('<kind>', 'such as ewc, or strategies/ewc').action((name: string) => {
    process.stdout.write(describe(lookUp(name)));
  });

interface OptionSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly OptionSchema[];
  readonly oneOf?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
}

function describe({family, kind, summary, source, jsonSchema}: Description): string {
  const {properties = {}, required = []} = jsonSchema as {
    properties?: Record<string, OptionSchema>;
    required?: readonly string[];
  };
  const options = Object.entries(properties).filter(([name]) => name !== 'kind');
  const lines = [
    `${kind} (${family})`,
    ...wrapped(summary, '  '),
    '',
    options.length === 0 ? 'No options.' : 'Options',
    ...options.flatMap(([name, option]) => {
      const fallback = required.includes(name) ? 'required' : `default ${JSON.stringify(option.default)}`;
      return [`  ${name}: ${typeOf(option)}, ${fallback}`, ...wrapped(option.description ?? '', '      ')];
    }),
    '',
    'Source',
    ...wrapped(source.cite, '  '),
    ...(source.url ? [`  ${source.url}`] : []),
    ...(source.deviations ?? []).flatMap((deviation) => wrapped(`Deviation: ${deviation}.`, '  ')),
  ];
  return `${lines.join('\n')}\n`;
}

function typeOf(option: OptionSchema): string {
  if (option.enum) return option.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (option.anyOf) return option.anyOf.map(typeOf).join(' | ');
  if (option.oneOf) return 'a config with its own kind';
  return typeof option.type === 'string' ? option.type : (option.type ?? ['any']).join(' | ');
}
