import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {axesOf, listOf} from './axes.ts';

/**
 * What becomes of a node whose operands lie in blocks along their first axis, equally many each.
 *
 * - `split`: computed block by block; so is its result.
 * - `summed`: the sum over blocks of what it is on each.
 * - a value: an operand that may not lie in blocks for this node.
 */
export type Role = 'split' | 'summed' | Value;

/** Of a node with at least one operand in blocks. @param split true for values in blocks; @param count how many. */
export function roleOf(node: GraphNode, split: (value: Value) => boolean, count: number): Role {
  const culprit = node.inputs.find(split)!;
  const rule = rules[node.op] ?? (elementwise.has(node.op) ? ofElements : undefined);
  const role = rule?.(node, split, count) ?? culprit;
  const divides = node.outputs.every(({shape}) => shape.length > 0 && shape[0]! % count === 0);
  return role === 'split' && !divides ? culprit : role;
}

type RoleRule = (node: GraphNode, split: (value: Value) => boolean, count: number) => Role | undefined;

const elementwise = new Set(
  `Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast Ceil Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
  HardSigmoid IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Min Mod Mul Neg Not Or Pow Reciprocal Relu Round Selu Sigmoid Sign
  Sin Sinh Softplus Sqrt Sub Tan Tanh Where Xor`.split(/\s+/),
);

/** Operands in blocks span the first axis of the result; all others are the same for each of its rows. */
const ofElements: RoleRule = ({inputs, outputs}, split) => {
  const {shape} = outputs[0]!;
  const sameForRows = (value: Value): boolean => value.shape.length < shape.length || value.shape[0] === 1;
  const spans = (value: Value): boolean => value.shape.length === shape.length && value.shape[0] === shape[0];
  return (
    inputs.find((value) => split(value) && !spans(value)) ??
    (inputs.every((value) => split(value) || sameForRows(value)) ? 'split' : undefined)
  );
};

const alongOtherAxis: RoleRule = ({inputs, attributes}) => {
  const rank = inputs[0]!.shape.length;
  return rank > 1 && (Number(attributes['axis'] ?? -1) + rank) % rank !== 0 ? 'split' : undefined;
};

const reduction: RoleRule = (node) => {
  const axes = axesOf(node);
  if (axes === undefined) return undefined;
  if (!axes.includes(0)) return 'split';
  return node.op === 'ReduceSum' ? 'summed' : undefined;
};

const product: RoleRule = ({inputs, outputs, attributes}, split) => {
  const [a, b, c] = inputs as [Value, Value, Value | undefined];
  const [turnedA, turnedB] = [attributes['transA'] === 1, attributes['transB'] === 1];
  const flat = a.shape.length === 2 && b.shape.length === 2;
  if (split(a) && split(b)) {
    if (flat) return turnedA && !turnedB && !(c !== undefined && split(c)) ? 'summed' : b;
    return a.shape.length === b.shape.length && a.shape[0] === b.shape[0] ? 'split' : b;
  }
  if (!split(a)) return undefined;
  const rows = a.shape.length > 2 ? b.shape.length < a.shape.length : b.shape.length === 2 && !turnedA;
  const perRow = c?.shape.length === 2 && c.shape[0] === outputs[0]!.shape[0];
  if (c !== undefined && split(c) && !perRow) return c;
  const addable = c === undefined || split(c) || c.shape.length < 2 || c.shape[0] === 1;
  return rows && addable ? 'split' : undefined;
};

const rules: Readonly<Record<string, RoleRule>> = {
  Reshape: () => 'split',
  Transpose: ({attributes}) => ((attributes['perm'] as readonly number[])[0] === 0 ? 'split' : undefined),
  Expand: ({inputs: [x], outputs}) =>
    x!.shape.length === outputs[0]!.shape.length && x!.shape[0] === outputs[0]!.shape[0] ? 'split' : undefined,
  Concat: ({inputs, attributes}, split) =>
    attributes['axis'] !== 0 && inputs.every(split) ? 'split' : inputs.find(split),
  Slice: ({inputs: [x, , , axes]}) => (axes !== undefined && listOf(axes)?.every((axis) => axis > 0) ? 'split' : x),
  Split: alongOtherAxis,
  Softmax: alongOtherAxis,
  LogSoftmax: alongOtherAxis,
  LayerNormalization: ({inputs: [x, ...rest], attributes}, split) =>
    rest.find(split) ?? (split(x!) && Number(attributes['axis']) > 0 ? 'split' : undefined),
  ArgMax: alongOtherAxis,
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  MatMul: product,
  FusedMatMul: product,
  Gemm: product,
  Gather: ({inputs, attributes}, split) =>
    !split(inputs[0]!) && (attributes['axis'] ?? 0) === 0 ? 'split' : undefined,
  ScatterElements: ({inputs: [data, indices, updates], attributes}, split) =>
    !split(data!) &&
    split(indices!) &&
    split(updates!) &&
    attributes['axis'] === 0 &&
    sums(attributes) &&
    sameShape(indices!.shape, updates!.shape)
      ? 'summed'
      : undefined,
};

function sums(attributes: GraphNode['attributes']): boolean {
  return attributes['reduction'] === 'add';
}
