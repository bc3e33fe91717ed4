/**
 * What arrays of head segments have in common that can stand side by side along their last axis: their name but for the segment's
 * number, and their shape before that axis. Null for an array of anything else.
 */
export function sideBySideKey(name: string, shape: readonly number[]): string | null {
  return SEGMENT.test(name) ? `${name.replace(SEGMENT, 'head/segments/')} [${shape.slice(0, -1).join()}]` : null;
}

const SEGMENT = /head\/segment:\d+\//;
