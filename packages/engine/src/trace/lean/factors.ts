import {sizeOf} from '@accrete/kit';
import type {Value} from '../graph.ts';
import {isNormal, multiple, scaling, times} from './multiples.ts';
import {isProduct, product, productOf} from './products.ts';
import {madeBy, numberIn, type Rule, type Scene} from './rewrite.ts';

// Numbers that values are multiplied by, moved to where they cost nothing: into matrix products, or onto smaller values.

/** True where nothing needs a multiple but what could do with its base and a factor. */
function passesOn(value: Value, scene: Scene): boolean {
  const users = scene.users(value);
  return (
    users.length === scene.uses(value) &&
    users.every(
      (user) => ['Mul', 'ReduceSum', 'ReduceMean'].includes(user.op) || isProduct(user) || scaling(user) !== undefined,
    )
  );
}

/** A quotient of two numbers is a number. */
export const quotients: Rule = ({op, inputs, outputs}, {emit}) => {
  const [a, b] = op === 'Div' ? inputs.map(numberIn) : [];
  if (a === undefined || b === undefined) return undefined;
  return emit.graph.constant(Float32Array.of(a / b), 'float32', outputs[0]!.shape);
};

/** Factors that follow one another become one; that of a matrix product becomes part of it. */
export const joinedFactors: Rule = (node, scene) => {
  const by = scaling(node);
  if (by === undefined) return undefined;
  const inner = multiple(by.of, scene);
  const exact = inner.factor * by.factor;
  // A factor and its inverse, each rounded, are 1.
  const factor = Math.abs(exact - 1) < 2 ** -23 ? 1 : exact;
  if (!isNormal(factor)) return undefined;
  const made = inner.apart ? productOf(inner.base) : undefined;
  if (made !== undefined) return product(made, made.inputs.map(scene.now), factor, scene);
  return inner.base === by.of ? undefined : times(scene.now(inner.base), factor, scene);
};

/** `(2 a) b`, element by element, becomes `2 (a b)`, or `a (2 b)` where b is smaller. */
export const factorsOfElements: Rule = (node, scene) => {
  const {shape, dtype} = node.outputs[0]!;
  if (node.op !== 'Mul' || dtype !== 'float32' || scaling(node) !== undefined) return undefined;
  const parts = node.inputs.map((operand) => multiple(operand, scene));
  const size = sizeOf(shape);
  const whole = parts.map(({base}) => sizeOf(base.shape) === size);
  const moved = parts.map(({factor}, i) => whole[i]! && factor !== 1 && passesOn(node.inputs[i]!, scene));
  if (!moved.some(Boolean)) return undefined;
  const factor = parts.reduce((all, part, i) => (moved[i] ? all * part.factor : all), 1);
  if (!isNormal(factor)) return undefined;
  const operands = parts.map(({base}, i) => scene.now(moved[i] ? base : node.inputs[i]!));
  const small = whole.indexOf(false);
  if (small >= 0) operands[small] = times(operands[small]!, factor, scene);
  const result = scene.emit.node('Mul', operands, 'float32', shape);
  return small >= 0 ? result : times(result, factor, scene);
};

/** The sum or mean of a multiple is the multiple of the sum or mean. */
export const factorsOfSums: Rule = (node, scene) => {
  const [x, ...axes] = node.inputs as [Value, ...Value[]];
  if ((node.op !== 'ReduceSum' && node.op !== 'ReduceMean') || x.dtype !== 'float32') return undefined;
  const {base, factor} = multiple(x, scene);
  if (factor === 1) return undefined;
  const {shape} = node.outputs[0]!;
  const inputs = [base, ...axes].map(scene.now);
  return times(scene.emit.node(node.op, inputs, 'float32', shape, node.attributes), factor, scene);
};

/** A multiple under another shape is a multiple of what is seen so. */
export const factorsOfShapes: Rule = (node, scene) => {
  if (node.op !== 'Reshape') return undefined;
  const [x] = node.inputs as [Value];
  const {base, factor, apart} = multiple(x, scene);
  if (factor === 1 || !apart || !passesOn(node.outputs[0]!, scene)) return undefined;
  return times(scene.emit.reshape(scene.now(base), node.outputs[0]!.shape), factor, scene);
};

/** `a + -b` becomes `a - b`, and the like. */
export const signs: Rule = ({op, inputs, outputs}, scene) => {
  const {shape, dtype} = outputs[0]!;
  if ((op !== 'Add' && op !== 'Sub') || dtype !== 'float32') return undefined;
  const [left, right] = inputs as [Value, Value];
  const negated = madeBy(right, 'Neg')?.inputs[0];
  if (negated !== undefined) {
    return scene.emit.node(op === 'Add' ? 'Sub' : 'Add', [left, negated].map(scene.now), dtype, shape);
  }
  const first = madeBy(left, 'Neg')?.inputs[0];
  return first !== undefined && op === 'Add'
    ? scene.emit.node('Sub', [right, first].map(scene.now), dtype, shape)
    : undefined;
};
