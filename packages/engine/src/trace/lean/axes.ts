import type {GraphNode, Value} from '../graph.ts';

/** The whole numbers of a constant list. */
export function listOf({origin}: Value): readonly number[] | undefined {
  return origin.kind === 'constant' ? Array.from(origin.data, Number) : undefined;
}

/** The axes over which a reduction goes, counted from the front, where they are known. */
export function axesOf({inputs, attributes}: GraphNode): readonly number[] | undefined {
  const [x, axes] = inputs as [Value, Value | undefined];
  const listed = axes === undefined ? attributes['axes'] : listOf(axes);
  return Array.isArray(listed) ? listed.map((axis: number) => (axis + x.shape.length) % x.shape.length) : undefined;
}
