import {HarnessError} from '@accrete/kit';
import {parse} from 'yaml';

/** `--seeds 0,1,2` or `0..4`. @throws HarnessError E_CONFIG */
export function parseSeeds(text: string): readonly number[] {
  const seeds = text.split(',').flatMap((part) => {
    const range = /^(\d+)\.\.(\d+)$/.exec(part.trim());
    if (range) {
      const [first, last] = [Number(range[1]), Number(range[2])];
      if (last >= first && last - first < 10_000) return Array.from({length: last - first + 1}, (_, i) => first + i);
    }
    return /^\d+$/.test(part.trim()) ? [Number(part)] : [Number.NaN];
  });
  if (seeds.some(Number.isNaN)) {
    throw new HarnessError('E_CONFIG', `--seeds takes whole numbers or ranges, such as 0,1,2 or 0..4; got "${text}".`);
  }
  return seeds;
}

/** A whole number from 1 up. @throws HarnessError E_CONFIG */
export function parseCount(flag: string): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d{0,5}$/.test(text))
      throw new HarnessError('E_CONFIG', `${flag} takes a whole number from 1 up, got "${text}".`);
    return Number(text);
  };
}

/** `--set train.epochs=3`, collected by path; values are read as YAML. @throws HarnessError E_CONFIG */
export function collectSettings(text: string, before: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new HarnessError('E_CONFIG', `--set takes path=value, such as train.epochs=3; got "${text}".`);
  let value: unknown;
  try {
    value = parse(text.slice(at + 1));
  } catch {
    throw new HarnessError(
      'E_CONFIG',
      `--set ${text.slice(0, at)}: cannot read "${text.slice(at + 1)}" as a YAML value.`,
    );
  }
  return {...before, [text.slice(0, at)]: value};
}
