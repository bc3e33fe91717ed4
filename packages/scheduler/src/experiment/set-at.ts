import {HarnessError} from '@accrete/kit';

/** A config with the value at a dotted path replaced; list places are numbers: `strategy.0.strength`. Nothing is mutated. */
export function setAt(
  config: Readonly<Record<string, unknown>>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  return replaced(config, path.split('.'), value, path) as Record<string, unknown>;
}

function replaced(node: unknown, keys: readonly string[], value: unknown, path: string): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (key === '' || key === '__proto__')
    throw new HarnessError('E_CONFIG', `"${path}" is no path. Write keys joined by dots: train.epochs.`);
  if (Array.isArray(node)) {
    const place = Number(key);
    if (!Number.isInteger(place) || place < 0 || place >= node.length) {
      throw new HarnessError('E_CONFIG', `"${path}": expected a place from 0 to ${node.length - 1}, got "${key}".`);
    }
    return node.map((item, i) => (i === place ? replaced(item, rest, value, path) : item));
  }
  if (node !== undefined && (node === null || typeof node !== 'object')) {
    throw new HarnessError('E_CONFIG', `"${path}": there is nothing below a ${node === null ? 'null' : typeof node}.`);
  }
  const object = (node ?? {}) as Record<string, unknown>;
  return {...object, [key]: replaced(object[key], rest, value, path)};
}
