// What the scripts here take on the command line. A bad option ends a script before it computes anything.
import {parseArgs} from 'node:util';

/** A whole number. */
export function whole(usual, {from = 1, to}) {
  return {
    default: String(usual),
    read: (text) => {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= from && value <= to) return value;
      throw new Error(`expected a whole number from ${from} to ${to}, got "${text}"`);
    },
  };
}

/** Several numbers with commas between, each once. @param holds what a number must be, `expected` in words */
export function numbers(usual, holds, expected) {
  return {
    default: usual.join(','),
    read: (text) => {
      const values = distinct(text);
      const wrong = values.filter((value) => !/^[\d.]+$/.test(value) || !holds(Number(value)));
      if (wrong.length === 0) return values.map(Number);
      throw new Error(`expected ${expected}, got "${wrong.join(',')}"`);
    },
  };
}

/** Some of the known names with commas between; all of them where absent. */
export function names(known) {
  return {
    default: known.join(','),
    read: (text) => {
      const values = distinct(text);
      const unknown = values.filter((value) => !known.includes(value));
      if (unknown.length === 0) return values;
      throw new Error(`unknown "${unknown.join('", "')}". Known: ${known.join(', ')}`);
    },
  };
}

/**
 * The options of a script: those that it asks for, and `--write` and `--resume`. Ends the process with code 2 and says why where an
 * option is unknown or its value will not do.
 *
 * @param readers by name: the usual value as text, and what reads the text
 */
export function optionsOf(readers) {
  try {
    const strings = Object.entries(readers).map(([name, reader]) => [name, {type: 'string', default: reader.default}]);
    const flags = {write: {type: 'boolean', default: false}, resume: {type: 'boolean', default: false}};
    const {values} = parseArgs({options: {...Object.fromEntries(strings), ...flags}});
    const read = Object.entries(readers).map(([name, reader]) => {
      try {
        return [name, reader.read(values[name])];
      } catch (problem) {
        throw new Error(`--${name}: ${problem.message}`);
      }
    });
    return {...Object.fromEntries(read), write: values.write, resume: values.resume};
  } catch (problem) {
    const usual = Object.entries(readers).map(([name, reader]) => `--${name} ${reader.default}`);
    console.error(`${problem.message}.\noptions, with their usual values: ${usual.join(' ')} [--write] [--resume]`);
    process.exit(2);
  }
}

function distinct(text) {
  const values = text.split(',');
  const twice = values.filter((value, i) => values.indexOf(value) !== i);
  if (twice.length === 0) return values;
  throw new Error(`"${twice.join(',')}" is there twice`);
}
