import {sizeOf} from '@accrete/kit';
import {sameShape} from '../emitter.ts';
import type {Attribute, GraphNode, Value} from '../graph.ts';
import {isNormal, type Multiple, multiple, scaling, times} from './multiples.ts';
import type {Rule, Scene} from './rewrite.ts';

/** True for a float32 product of matrices. */
export const isProduct = ({op, inputs, outputs}: GraphNode): boolean =>
  ['MatMul', 'Gemm', 'FusedMatMul'].includes(op) &&
  outputs[0]!.dtype === 'float32' &&
  inputs.slice(0, 2).every(({shape}) => shape.length >= 2);

/** The float32 product of matrices, with nothing added to it, that made a value. */
export function productOf({origin}: Value): GraphNode | undefined {
  if (origin.kind !== 'node' || origin.node.inputs.length !== 2) return undefined;
  return isProduct(origin.node) ? origin.node : undefined;
}

/** `factor` times a product, of other operands; these are of the new graph. */
export function product(
  {outputs, attributes}: GraphNode,
  operands: readonly Value[],
  factor: number,
  scene: Scene,
): Value {
  const {shape} = outputs[0]!;
  const {transA = 0, transB = 0, alpha} = attributes;
  const flat = shape.length === 2 && operands.every((operand) => operand.shape.length === 2);
  return scene.emit.node(
    flat ? 'Gemm' : 'FusedMatMul',
    operands,
    'float32',
    shape,
    {transA, transB, alpha: {float: factor * numberOf(alpha)}},
    flat ? '' : 'com.microsoft',
  );
}

/** The number that a product is multiplied by. */
export function factorOf({attributes}: GraphNode): number {
  return numberOf(attributes['alpha']);
}

/** A number that an attribute holds, 1 where there is none. */
export function numberOf(attribute: Attribute | undefined): number {
  return typeof attribute === 'object' && 'float' in attribute ? attribute.float : 1;
}

/** `(2 a) b` for matrices becomes a product with the factor in it. */
export const factorsOfOperands: Rule = (node, scene) => {
  if (!isProduct(node)) return undefined;
  const [a, b] = node.inputs.slice(0, 2).map((operand) => multiple(operand, scene)) as [Multiple, Multiple];
  const factor = a.factor * b.factor;
  if (a.base === node.inputs[0] && b.base === node.inputs[1]) return undefined;
  const operands = [a.base, b.base].map(scene.now);
  const added = node.inputs[2];
  if (added === undefined) return product(node, operands, factor, scene);
  const {shape} = node.outputs[0]!;
  return scene.emit.node('Gemm', [...operands, scene.now(added)], 'float32', shape, {
    ...node.attributes,
    alpha: {float: factor * numberOf(node.attributes['alpha'])},
  });
};

/**
 * A sum of a matrix product that nothing else needs, and of a matrix or of one row for all of its rows, is one Gemm:
 * `p - rate * (a b)`, `0.9 m + 0.1 (a b)`, or a layer and its bias.
 */
export const sumsWithProducts: Rule = (node, scene) => {
  if (node.op !== 'Add' && node.op !== 'Sub') return undefined;
  const [left, right] = node.inputs as [Value, Value];
  const sign = node.op === 'Sub' ? -1 : 1;
  return added(left, 1, right, sign, scene) ?? added(right, sign, left, 1, scene);
};

/** `signA * a + signB * b` where b is a matrix product. */
function added(a: Value, signA: number, b: Value, signB: number, scene: Scene): Value | undefined {
  const whole = multiple(b, scene);
  const made = whole.apart ? productOf(whole.base) : undefined;
  const matrices = made !== undefined && [b, ...made.inputs].every(({shape}) => shape.length === 2);
  const row = sameShape(a.shape.slice(-1), b.shape.slice(-1)) && sizeOf(a.shape) === a.shape.at(-1);
  if (!matrices || a.dtype !== 'float32' || !(row || sameShape(a.shape, b.shape))) return undefined;
  const other = multiple(a, scene);
  const {transA = 0, transB = 0, alpha} = made.attributes;
  return scene.emit.node('Gemm', [...made.inputs, other.base].map(scene.now), 'float32', b.shape, {
    transA,
    transB,
    alpha: {float: signB * whole.factor * numberOf(alpha)},
    beta: {float: signA * other.factor},
  });
}

/**
 * A product that something needs times a number, and all else multiplies: it is computed with the number in it, and the inverse
 * goes on to the others. So the argument of erf in gelu costs nothing.
 */
export const factorsOfUsers: Rule = (node, scene) => {
  const [output] = node.outputs as [Value];
  const {alpha, beta} = node.attributes;
  const added = node.inputs[2];
  if (!isProduct(node) || node.domain !== '' || output.shape.length !== 2) return undefined;
  if (added !== undefined && (numberOf(beta) !== 1 || sizeOf(added.shape) * 2 > sizeOf(output.shape))) return undefined;
  const factors = scene.users(output).map((user) => scaling(user)?.factor);
  const factor = factors.find((each) => each !== undefined);
  if (factor === undefined || factors.length === 1 || !isNormal(factor) || factor === 0) return undefined;
  const others = scene.users(output).filter((_, i) => factors[i] === undefined);
  if (factors.some((each) => each !== undefined && each !== factor) || scene.uses(output) > factors.length)
    return undefined;
  if (!others.every((user) => user.op === 'Mul' && sameShape(user.outputs[0]!.shape, output.shape))) return undefined;
  const inputs = node.inputs.map((value) =>
    value === added ? times(scene.now(value), factor, scene) : scene.now(value),
  );
  const scaled = scene.emit.node('Gemm', inputs, 'float32', output.shape, {
    ...node.attributes,
    alpha: {float: factor * numberOf(alpha)},
  });
  return times(scaled, 1 / factor, scene);
};
