import {sizeOf} from '@accrete/kit';
import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {isProduct, numberOf} from './products.ts';
import {madeBy, type Rule, type Scene} from './rewrite.ts';

// What is done to all rows of a product alike, done to its right matrix instead, which is smaller.

/** Something linear that is done to each row by itself: to a value of the new graph whose rows lie along an axis. */
type RowMap = (value: Value, axis: number) => Value;

/** True where a value is as wide as another: the same last axis, of more than one column. */
const asWide = (a: Value, b: Value): boolean => a.shape.at(-1) === b.shape.at(-1) && b.shape.at(-1)! > 1;

/** True for a product of two matrices, with something added or not. */
export const isFlat = (node: GraphNode): boolean =>
  isProduct(node) && node.inputs.slice(0, 2).every(({shape}) => shape.length === 2);

/**
 * A sum of products, in whatever shape, with a map done to each of its rows, as a value of the new graph; undefined where it is no
 * such sum, or nothing would be saved.
 *
 * @param uses how often the value is used by what the map replaces.
 */
export function mapped(value: Value, map: RowMap, scene: Scene, uses = 1): Value | undefined {
  const {origin, shape} = value;
  if (origin.kind !== 'node' || scene.uses(value) !== uses) return undefined;
  const {node} = origin;
  const {emit, now} = scene;
  if (node.op === 'Reshape') {
    const [inner] = node.inputs as [Value];
    const whole = asWide(inner, value) ? mapped(inner, map, scene) : undefined;
    return whole && emit.reshape(whole, shape);
  }
  if (node.op === 'Add' && node.inputs.every((part) => sameShape(part.shape, shape))) {
    const parts = node.inputs.map((part) => mapped(part, map, scene));
    return parts.every((part) => part !== undefined) ? emit.node('Add', parts, 'float32', shape) : undefined;
  }
  if (!isFlat(node)) return undefined;
  const [left, right, added] = node.inputs as [Value, Value, Value | undefined];
  if (sizeOf(right.shape) * 2 > sizeOf(shape)) return undefined;
  const inputs = [now(left), map(now(right), node.attributes['transB'] === 1 ? 0 : 1)];
  if (added !== undefined) {
    const isRow = sizeOf(added.shape) === shape[1];
    const rest = isRow ? map(now(added), added.shape.length - 1) : mapped(added, map, scene);
    if (rest === undefined) return undefined;
    inputs.push(rest);
  }
  return emit.node(node.op, inputs, 'float32', shape, node.attributes, node.domain);
}

/** A sum of products times one number per column: the columns of the right matrices are multiplied instead. */
export const columnsOfProducts: Rule = ({op, inputs, outputs}, scene) => {
  const [output] = outputs as [Value];
  if (op !== 'Mul' || output.dtype !== 'float32') return undefined;
  for (const [i, value] of inputs.entries()) {
    const row = inputs[1 - i]!;
    const fits =
      sameShape(value.shape, output.shape) && sizeOf(row.shape) === output.shape.at(-1) && asWide(row, output);
    const result = fits ? mapped(value, (part, axis) => perPlace(part, scene.now(row), axis, scene), scene) : undefined;
    if (result !== undefined) return result;
  }
  return undefined;
};

/** A value of the new graph times one number for each place along an axis. */
export function perPlace(value: Value, numbers: Value, axis: number, {emit}: Scene): Value {
  const shape = value.shape.map((size, i) => (i === axis ? size : 1));
  return emit.node('Mul', [value, emit.reshape(numbers, shape)], 'float32', value.shape);
}

/** A value times one number per column, plus another. */
interface Affine {
  readonly base: Value;
  readonly scale: Value | undefined;
  readonly offset: Value | undefined;
}

/** `base * scale + offset` where that is what a value is, scale and offset one row for all of its rows. */
function affine(value: Value): Affine | undefined {
  const shifted = withRow(value, 'Add');
  const scaled = withRow(shifted?.base ?? value, 'Mul');
  const base = scaled?.base ?? shifted?.base;
  // What a product adds to its rows costs nothing as it is.
  if (base === undefined || (base.origin.kind === 'node' && isFlat(base.origin.node))) return undefined;
  return {base, scale: scaled?.row, offset: shifted?.row};
}

/** The value and the row of which an operation made a value. */
function withRow(value: Value, op: string): {readonly base: Value; readonly row: Value} | undefined {
  const inputs = madeBy(value, op)?.inputs ?? [];
  for (const [i, base] of inputs.entries()) {
    const row = inputs[1 - i]!;
    if (sameShape(base.shape, value.shape) && sizeOf(row.shape) === value.shape.at(-1) && asWide(row, value))
      return {base, row};
  }
  return undefined;
}

/** True where all that needs a value is products with its rows, or its columns, on their left, which cost less to change. */
export function meetsProducts(value: Value, scene: Scene): boolean {
  return costOfUsers(value, scene) * 2 <= sizeOf(value.shape);
}

/** How many elements change where what is done to a value's columns is left to its users. */
function costOfUsers(value: Value, scene: Scene): number {
  const users = scene.users(value);
  if (users.length === 0 || users.length !== scene.uses(value)) return Number.POSITIVE_INFINITY;
  const costs = users.map((user) => {
    const [left, right] = user.inputs as [Value, Value];
    const {transA = 0, transB = 0} = user.attributes;
    if (user.op === 'Reshape' && asWide(user.outputs[0]!, value)) return costOfUsers(user.outputs[0]!, scene);
    if (!isFlat(user) || left !== value || (transA === 1 && transB === 1)) return Number.POSITIVE_INFINITY;
    return sizeOf((transA === 1 ? user.outputs[0]! : right).shape);
  });
  return costs.reduce((a, b) => a + b, 0);
}

/** `(x s + o) b`, s and o one row for all: the matrix takes up the row, its bias the other; `(x s + o)' b` is put right afterwards. */
export const affineOperands: Rule = (node, scene) => {
  if (!isFlat(node)) return undefined;
  const [left, right, added] = node.inputs as [Value, Value, Value | undefined];
  const parts = affine(left);
  if (parts === undefined || !meetsProducts(left, scene)) return undefined;
  const {emit, now} = scene;
  const {transA = 0, transB = 0, alpha = {float: 1}, beta = {float: 1}} = node.attributes;
  const [output] = node.outputs as [Value];
  const gemm = (a: Value, b: Value, c: Value | undefined, turns: GraphNode['attributes']): Value =>
    emit.node('Gemm', c ? [a, b, c] : [a, b], 'float32', [a.shape[turns['transA'] === 1 ? 1 : 0]!, output.shape[1]!], {
      ...turns,
      alpha,
      ...(c && {beta}),
    });
  const [base, scale, offset] = [now(parts.base), parts.scale && now(parts.scale), parts.offset && now(parts.offset)];
  const rest = added && now(added);
  if (transA === 1) {
    const product = gemm(base, now(right), undefined, {transA, transB});
    const scaled = scale === undefined ? product : perPlace(product, scale, 0, scene);
    const columns = output.shape[1]!;
    const sum = (): Value =>
      emit.node('ReduceSum', [now(right), emit.ints([0])], 'float32', [1, columns], {keepdims: 1});
    const other =
      offset === undefined
        ? rest && emit.node('Mul', [rest, emit.scalar(numberOf(beta), 'float32')], 'float32', rest.shape)
        : gemm(emit.reshape(offset, [output.shape[0]!, 1]), sum(), rest, {transA: 0, transB: 0});
    return other === undefined ? scaled : emit.node('Add', [scaled, other], 'float32', output.shape);
  }
  const matrix = scale === undefined ? now(right) : perPlace(now(right), scale, transB === 1 ? 1 : 0, scene);
  const turns = {transA: 0, transB};
  if (offset === undefined) return gemm(base, matrix, rest, turns);
  const isRow = rest !== undefined && sizeOf(rest.shape) === output.shape[1];
  const row = gemm(emit.reshape(offset, [1, base.shape[1]!]), now(right), isRow ? rest : undefined, turns);
  if (rest === undefined || isRow) {
    const attributes = {...turns, alpha, beta: {float: 1}};
    return emit.node(
      'Gemm',
      [base, matrix, emit.reshape(row, [output.shape[1]!])],
      'float32',
      output.shape,
      attributes,
    );
  }
  return emit.node('Add', [gemm(base, matrix, rest, turns), row], 'float32', output.shape);
};

/** `x s + o` under another shape with the same columns is that of what is seen so, where products wait behind the shape. */
export const affineShapes: Rule = (node, scene) => {
  const [output] = node.outputs as [Value];
  const parts = node.op === 'Reshape' && asWide(node.inputs[0]!, output) ? affine(node.inputs[0]!) : undefined;
  if (parts === undefined || !meetsProducts(output, scene)) return undefined;
  const {emit, now} = scene;
  const {shape} = output;
  const row = (value: Value): Value => emit.reshape(now(value), [shape.at(-1)!]);
  let result = emit.reshape(now(parts.base), shape);
  if (parts.scale) result = emit.node('Mul', [result, row(parts.scale)], 'float32', shape);
  if (parts.offset) result = emit.node('Add', [result, row(parts.offset)], 'float32', shape);
  return result;
};
