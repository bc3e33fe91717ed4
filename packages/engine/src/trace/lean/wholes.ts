import {sameShape} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {madeBy, type Rule} from './rewrite.ts';

/** All parts of a split, in order, put together again along its axis: what was split. Rows of single numbers count. */
export const wholes: Rule = ({op, inputs, attributes}, {now}) => {
  if (op !== 'Concat') return undefined;
  const parts = inputs.map(unshaped);
  const split = madeBy(parts[0]!, 'Split');
  if (split === undefined || split.attributes['axis'] !== attributes['axis']) return undefined;
  if (split.outputs.length !== parts.length || split.outputs.some((part, k) => part !== parts[k])) return undefined;
  return now(split.inputs[0]!);
};

/** The first value of a shape from which reshapes led away and back to it. */
function unshaped(value: Value): Value {
  let found = value;
  for (let node = madeBy(value, 'Reshape'); node !== undefined; node = madeBy(node.inputs[0]!, 'Reshape')) {
    if (sameShape(node.inputs[0]!.shape, value.shape)) found = node.inputs[0]!;
  }
  return found;
}
