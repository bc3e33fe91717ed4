import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {axesOf} from './axes.ts';
import {madeBy, numberIn, type Rule} from './rewrite.ts';

// Functions that tfjs spells out and that ONNX has as one operation.

/** Where a value is another one under a shape that may differ by axes of size 1. */
function source(value: Value): Value {
  const reshape = madeBy(value, 'Reshape');
  return reshape === undefined ? value : source(reshape.inputs[0]!);
}

/** `x - log(sum(exp(x)))` over the last axis, in the stable form of `tf.logSumExp`, is LogSoftmax. */
export const logSoftmax: Rule = ({op, inputs, outputs}, {emit, now}) => {
  const [x, norm] = inputs as [Value, Value];
  if (op !== 'Sub' || x.dtype !== 'float32' || !sameShape(x.shape, outputs[0]!.shape)) return undefined;
  if (!sameShape(norm.shape, [...x.shape.slice(0, -1), 1])) return undefined;
  const sum = madeBy(source(norm), 'Add');
  if (sum === undefined) return undefined;
  for (const [max, log] of [sum.inputs, sum.inputs.toReversed()] as [Value, Value][]) {
    const [largest, exps] = [madeBy(source(max), 'ReduceMax'), logOfSum(log)];
    const shifted = exps && madeBy(exps.inputs[0]!, 'Exp');
    const difference = shifted && madeBy(shifted.inputs[0]!, 'Sub');
    const overLast = [largest, exps].every((made) => made?.inputs[0] !== undefined && overLastAxis(made));
    if (
      overLast &&
      largest?.inputs[0] === x &&
      difference?.inputs[0] === x &&
      source(difference.inputs[1]!) === source(max)
    )
      return emit.node('LogSoftmax', [now(x)], 'float32', x.shape, {axis: -1});
  }
  return undefined;
};

function logOfSum(value: Value): GraphNode | undefined {
  const log = madeBy(source(value), 'Log');
  return log && madeBy(source(log.inputs[0]!), 'ReduceSum');
}

/** True where a reduction goes over the last axis alone. */
function overLastAxis(node: GraphNode): boolean {
  const axes = axesOf(node);
  return axes?.length === 1 && axes[0] === node.inputs[0]!.shape.length - 1;
}

/** `0.5 x (1 + erf(x / sqrt(2)))` is Gelu, where nothing else needs what lies between, as a gradient does. */
export const gelu: Rule = ({op, inputs, outputs}, {emit, now, uses}) => {
  if (op !== 'Mul' || outputs[0]!.dtype !== 'float32') return undefined;
  for (const [half, shifted] of [inputs, inputs.toReversed()] as [Value, Value][]) {
    const x = scaledBy(half, 0.5);
    const erf = uses(shifted) === 1 ? madeBy(plusOne(shifted) ?? shifted, 'Erf') : undefined;
    if (x === undefined || erf === undefined || uses(erf.outputs[0]!) !== 1) continue;
    if (uses(erf.inputs[0]!) === 1 && scaledBy(erf.inputs[0]!, Math.SQRT1_2) === x)
      return emit.node('Gelu', [now(x)], 'float32', x.shape, {}, 'com.microsoft');
  }
  return undefined;
};

/** Where a value is another one times a number. */
function scaledBy(value: Value, factor: number): Value | undefined {
  const [a, b] = madeBy(value, 'Mul')?.inputs ?? [];
  if (a === undefined || b === undefined) return undefined;
  if (numberIn(b) === Math.fround(factor)) return a;
  return numberIn(a) === Math.fround(factor) ? b : undefined;
}

/** Where a value is another one plus 1. */
function plusOne(value: Value): Value | undefined {
  const [a, b] = madeBy(value, 'Add')?.inputs ?? [];
  if (a === undefined || b === undefined) return undefined;
  if (numberIn(b) === 1) return a;
  return numberIn(a) === 1 ? b : undefined;
}

/**
 * The gradient of relu: `dy` times 1 where the output is positive and 0 elsewhere, in two operations instead of three.
 * A HardSigmoid as steep as float32 allows is that step, but for outputs below 3e-39, where it fades.
 */
export const reluGradient: Rule = ({op, inputs, outputs}, {emit, now, uses}) => {
  if (op !== 'Mul') return undefined;
  for (const [i, value] of inputs.entries()) {
    const step = madeBy(value, 'Ceil');
    const min = step && madeBy(step.inputs[0]!, 'Min');
    const positive = min?.inputs[0];
    if (positive === undefined || madeBy(positive, 'Relu') === undefined || uses(value) !== 1) continue;
    if (numberIn(min!.inputs[1]!) !== 1) continue;
    const steep = {alpha: {float: 3.4e38}, beta: {float: 0}};
    const mask = emit.node('HardSigmoid', [now(positive)], 'float32', value.shape, steep);
    return emit.node('Mul', [now(inputs[1 - i]!), mask], 'float32', outputs[0]!.shape);
  }
  return undefined;
};
