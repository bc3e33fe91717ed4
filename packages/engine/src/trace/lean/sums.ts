import {sizeOf} from '@accrete/kit';
import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {axesOf} from './axes.ts';
import {multiple, times} from './multiples.ts';
import {factorOf, productOf} from './products.ts';
import {madeBy, type Rule} from './rewrite.ts';

/** Rows from which a sum over rows is faster as a product. */
const MANY_ROWS = 8;

/** A sum of a sum is one sum over the axes of both. */
export const sumsOfSums: Rule = (node, scene) => {
  const inner = node.op === 'ReduceSum' ? madeBy(node.inputs[0]!, 'ReduceSum') : undefined;
  if (inner === undefined || scene.uses(node.inputs[0]!) !== 1) return undefined;
  const [first, second] = [axesOf(inner), axesOf(node)];
  if (first === undefined || second === undefined) return undefined;
  const [x] = inner.inputs as [Value];
  const kept = x.shape
    .map((_, axis) => axis)
    .filter((axis) => inner.attributes['keepdims'] === 1 || !first.includes(axis));
  const axes = [...new Set([...first, ...second.map((axis) => kept[axis]!)])].sort((a, b) => a - b);
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  const sum = scene.emit.node('ReduceSum', [scene.now(x), scene.emit.ints(axes)], x.dtype, shape, {keepdims: 0});
  return scene.emit.reshape(sum, node.outputs[0]!.shape);
};

/**
 * The sums over rows of `(a b') * p`, element by element, are those of `a * (p b)`: where `p b` is there already and has fewer
 * columns, that is less work. So the gradient of attention's softmax takes what attention put out.
 */
export const rowSumsOfProducts: Rule = (node, scene) => {
  if (node.op !== 'ReduceSum') return undefined;
  const [x] = node.inputs as [Value];
  const axes = axesOf(node);
  const operands = madeBy(x, 'Mul')?.inputs;
  if (operands === undefined || axes?.length !== 1 || axes[0] !== x.shape.length - 1) return undefined;
  for (const [i, p] of operands.entries()) {
    const {base, factor} = multiple(operands[1 - i]!, scene);
    const inner = productOf(base);
    if (inner === undefined || !isTransposed(inner, 0, 1) || !sameShape(p.shape, x.shape)) continue;
    const [a, b] = inner.inputs as [Value, Value];
    const outer = scene.users(p).find(({inputs}) => inputs[0] === p && inputs[1] === b);
    if (outer === undefined || productOf(outer.outputs[0]!) !== outer || !isTransposed(outer, 0, 0)) continue;
    const [forward] = outer.outputs as [Value];
    if (!sameShape(a.shape, forward.shape) || a.shape.at(-1)! > x.shape.at(-1)!) continue;
    const {emit, now} = scene;
    const [left, right] = outer.inputs.map(now) as [Value, Value];
    // A node that is there already is not made twice.
    const product = emit.node(outer.op, [left, right], 'float32', forward.shape, outer.attributes, outer.domain);
    const terms = emit.node('Mul', [now(a), product], 'float32', a.shape);
    const sum = emit.node('ReduceSum', [terms, emit.ints(axes)], 'float32', node.outputs[0]!.shape, node.attributes);
    return times(sum, (factor * factorOf(inner)) / factorOf(outer), scene);
  }
  return undefined;
};

function isTransposed({attributes}: GraphNode, a: number, b: number): boolean {
  return (attributes['transA'] ?? 0) === a && (attributes['transB'] ?? 0) === b;
}

/** The sum over the rows of a matrix, such as the gradient of a bias, is a product with ones: the library's fast path. */
export const sumsOfRows: Rule = (node, scene) => {
  const [x] = node.inputs as [Value];
  if (node.op !== 'ReduceSum' || x.dtype !== 'float32' || x.shape.length < 2) return undefined;
  const axes = axesOf(node);
  const columns = x.shape.at(-1)!;
  const rows = sizeOf(x.shape) / columns;
  if (axes?.length !== x.shape.length - 1 || axes.includes(x.shape.length - 1)) return undefined;
  if (!(rows >= MANY_ROWS && columns > 1)) return undefined;
  const {emit} = scene;
  const ones = emit.graph.constant(new Float32Array(rows).fill(1), 'float32', [rows]);
  const sum = emit.node('MatMul', [ones, emit.reshape(scene.now(x), [rows, columns])], 'float32', [columns]);
  return emit.reshape(sum, node.outputs[0]!.shape);
};
