import {sameShape} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {isNormal, multiple, scaling, times} from './multiples.ts';
import {madeBy, numberIn, type Rule, type Scene} from './rewrite.ts';

/** `2 a exp(-b)` becomes `a exp(log(2) - b)`. */
export const factorsIntoExponents: Rule = (node, scene) => {
  const by = scaling(node);
  const inner = by && scene.uses(by.of) === 1 ? madeBy(by.of, 'Mul') : undefined;
  if (by === undefined || inner === undefined || by.factor <= 0) return undefined;
  for (const [i, value] of inner.inputs.entries()) {
    const exp = madeBy(value, 'Exp');
    const less = exp && differenceFrom(exp.inputs[0]!);
    if (less === undefined || scene.uses(value) !== 1 || !sameShape(value.shape, node.outputs[0]!.shape)) continue;
    const {emit, now} = scene;
    const log = emit.scalar(less.number + Math.log(by.factor), 'float32');
    const exponent = emit.node('Sub', [log, now(less.value)], 'float32', value.shape);
    const scaled = emit.node('Exp', [exponent], 'float32', value.shape);
    return emit.node('Mul', [now(inner.inputs[1 - i]!), scaled], 'float32', node.outputs[0]!.shape);
  }
  return undefined;
};

/** Where a value is a number less another value. */
function differenceFrom(value: Value): {readonly number: number; readonly value: Value} | undefined {
  const negated = madeBy(value, 'Neg')?.inputs[0];
  if (negated !== undefined) return {number: 0, value: negated};
  const [from, less] = madeBy(value, 'Sub')?.inputs ?? [];
  const number = from && numberIn(from);
  return number === undefined || less === undefined ? undefined : {number, value: less};
}

/** `2 a b + 3 a c` becomes `2 a (b + 1.5 c)`: the gradient of gelu is such a sum. */
export const commonFactors: Rule = ({op, inputs, outputs}, scene) => {
  const {shape, dtype} = outputs[0]!;
  if (op !== 'Add' || dtype !== 'float32') return undefined;
  const [a, b] = inputs.map((value) => factorsOf(value, shape, scene)) as [Factors, Factors];
  // The number goes to the operand with an exponential, if there is one, which takes it up for nothing.
  const [left, right] = a.values.some((value) => madeBy(value, 'Exp')) ? [b, a] : [a, b];
  const shared = left.values.find((value) => right.values.includes(value));
  if (shared === undefined || left.values.length < 2 || right.values.length < 2) return undefined;
  const ratio = right.number / left.number;
  if (left.number === 0 || !isNormal(ratio)) return undefined;
  const {emit, now} = scene;
  const [rest, other] = [left, right].map(({values}) => {
    const remaining = values.toSpliced(values.indexOf(shared), 1).map(now);
    return remaining.reduce((a, b) => emit.node('Mul', [a, b], dtype, shape));
  }) as [Value, Value];
  const sum = emit.node('Add', [rest, times(other, ratio, scene)], dtype, shape);
  return times(emit.node('Mul', [now(shared), sum], dtype, shape), left.number, scene);
};

/** `a p - b p` becomes `(a - b) p`, where b may be smaller: the gradient of softmax is such a difference. */
export const commonFactorsOfDifferences: Rule = ({op, inputs, outputs}, scene) => {
  const [left, right] = op === 'Sub' ? inputs.map((value) => madeBy(value, 'Mul')) : [];
  const {shape, dtype} = outputs[0]!;
  if (left === undefined || right === undefined || inputs.some((value) => scene.uses(value) !== 1)) return undefined;
  if (dtype !== 'float32' || inputs[0] === inputs[1]) return undefined;
  const shared = left.inputs.find((value) => right.inputs.includes(value) && sameShape(value.shape, shape));
  if (shared === undefined) return undefined;
  const [from, less] = [left, right].map((made) => made.inputs[1 - made.inputs.indexOf(shared)]!) as [Value, Value];
  if (![from, less].some((value) => sameShape(value.shape, shape))) return undefined;
  const {emit, now} = scene;
  const difference = emit.node('Sub', [now(from), now(less)], dtype, shape);
  return emit.node('Mul', [now(shared), difference], dtype, shape);
};

/** A value as a product of a number and of values of its own shape. */
interface Factors {
  readonly number: number;
  readonly values: readonly Value[];
}

function factorsOf(value: Value, shape: readonly number[], scene: Scene): Factors {
  const {base, factor, apart} = multiple(value, scene);
  const node = apart ? madeBy(base, 'Mul') : undefined;
  if (node === undefined || !node.inputs.every((operand) => sameShape(operand.shape, shape))) {
    return apart ? {number: factor, values: [base]} : {number: 1, values: [value]};
  }
  const [a, b] = node.inputs.map((operand) =>
    scene.uses(operand) === 1 ? factorsOf(operand, shape, scene) : {number: 1, values: [operand]},
  ) as [Factors, Factors];
  return {number: factor * a.number * b.number, values: [...a.values, ...b.values]};
}
