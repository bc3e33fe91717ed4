import {type ArraySpec, HarnessError} from '@accrete/kit';
import type {Buffers, DeviceBuffer} from '../engine.ts';

/** `[2, 3] float32` */
export function specText({shape, dtype}: ArraySpec): string {
  return `[${shape.join(', ')}] ${dtype}`;
}

/** True where shape and dtype agree. */
export function sameSpec(a: ArraySpec, b: ArraySpec): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((axis, i) => axis === b.shape[i]);
}

/**
 * Checks the inputs of a run against what the program takes.
 *
 * @param donated the inputs that are consumed.
 * @throws HarnessError E_SHAPE with every missing, extra, misshapen and doubly donated input; E_DISPOSED with every input
 *   that was given up, where nothing else is wrong.
 */
export function checkInputs(
  program: string,
  expected: Readonly<Record<string, ArraySpec>>,
  given: Buffers,
  donated: ReadonlySet<string>,
): void {
  const wrong: string[] = [];
  const gone: string[] = [];
  const consumed = new Map<DeviceBuffer, string>();
  for (const [name, spec] of Object.entries(expected)) {
    const buffer = given[name];
    if (buffer === undefined) wrong.push(`"${name}" is missing (${specText(spec)})`);
    else if (!sameSpec(buffer.spec, spec)) {
      wrong.push(`"${name}" must be ${specText(spec)}, got ${specText(buffer.spec)}`);
    } else if (buffer.disposed) gone.push(`"${name}"`);
    else if (donated.has(name)) {
      const other = consumed.get(buffer);
      if (other !== undefined) wrong.push(`"${name}" and "${other}" are donated but are one buffer`);
      consumed.set(buffer, name);
    }
  }
  for (const name of Object.keys(given)) if (!(name in expected)) wrong.push(`"${name}" is not an input`);
  if (wrong.length > 0) {
    throw new HarnessError('E_SHAPE', `program "${program}": ${wrong.join('; ')}. Pass exactly its inputs.`, {wrong});
  }
  if (gone.length > 0) {
    throw new HarnessError(
      'E_DISPOSED',
      `program "${program}": ${gone.join(', ')} disposed or donated before. Pass what the last run returned instead.`,
      {inputs: gone},
    );
  }
}

/**
 * Checks donations against the specs.
 *
 * @throws HarnessError E_SHAPE with every donation whose output or input does not exist, differs in spec, or is named twice.
 */
export function checkDonations(
  program: string,
  donate: Readonly<Record<string, string>>,
  inputs: Readonly<Record<string, ArraySpec>>,
  outputs: Readonly<Record<string, ArraySpec>>,
): void {
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const [to, from] of Object.entries(donate)) {
    const [output, input] = [outputs[to], inputs[from]];
    if (output === undefined) wrong.push(`"${to}" is not an output`);
    if (input === undefined) wrong.push(`"${from}" is not an input`);
    if (output !== undefined && input !== undefined && !sameSpec(output, input)) {
      wrong.push(`output "${to}" is ${specText(output)}, input "${from}" is ${specText(input)}`);
    }
    if (used.has(from)) wrong.push(`"${from}" is donated twice`);
    used.add(from);
  }
  if (wrong.length > 0)
    throw new HarnessError('E_SHAPE', `donations of program "${program}": ${wrong.join('; ')}.`, {wrong});
}
