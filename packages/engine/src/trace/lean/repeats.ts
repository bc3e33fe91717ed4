import {sameShape} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {axesOf} from './axes.ts';
import {isProduct} from './products.ts';
import {madeBy, type Rule, type Scene} from './rewrite.ts';

// Rows that repeat, such as the gradient of a mean over tokens: what is done to each of them is done once instead.

/** Rows one after the other: how many runs of them there are, and how long each is. */
export interface Runs {
  readonly runs: number;
  readonly times: number;
}

/** A matrix whose rows come in runs of equal ones. */
interface Repeated extends Runs {
  /** One row of each run, [runs, 1, columns]. */
  readonly rows: Value;
}

/** Where a value of shape [runs * times, columns] is [runs, 1, columns], expanded and seen as a matrix. */
function repeated(value: Value): Repeated | undefined {
  const expanded = madeBy(value, 'Reshape')?.inputs[0];
  const rows = expanded && madeBy(expanded, 'Expand')?.inputs[0];
  if (rows === undefined || value.dtype !== 'float32' || value.shape.length !== 2) return undefined;
  const [runs, times, columns] = expanded!.shape;
  const fits =
    expanded!.shape.length === 3 && sameShape(rows.shape, [runs!, 1, columns!]) && columns === value.shape[1];
  return fits && times! > 1 ? {rows, runs: runs!, times: times!} : undefined;
}

/** One row of each run as a matrix of the new graph. */
function once({rows, runs}: Repeated, {emit, now}: Scene): Value {
  return emit.reshape(now(rows), [runs, rows.shape[2]!]);
}

/** Rows of the new graph, each `times` times. */
function again(rows: Value, {runs, times}: Repeated, {emit}: Scene): Value {
  const columns = rows.shape[1]!;
  const expanded = emit.expand(emit.reshape(rows, [runs, 1, columns]), [runs, times, columns]);
  return emit.reshape(expanded, [runs * times, columns]);
}

/** A product of rows that repeat has rows that repeat. */
export const productsOfRepeats: Rule = (node, scene) => {
  const [a, b, added] = node.inputs as [Value, Value, Value | undefined];
  const left = isProduct(node) && node.attributes['transA'] !== 1 && b.shape.length === 2 ? repeated(a) : undefined;
  if (left === undefined || added !== undefined) return undefined;
  const {op, attributes, domain, outputs} = node;
  const shape = [left.runs, outputs[0]!.shape[1]!];
  return again(
    scene.emit.node(op, [once(left, scene), scene.now(b)], 'float32', shape, attributes, domain),
    left,
    scene,
  );
};

/** An operation on rows that repeat and on others, element by element, repeats them as it goes; on such rows alone, it is done once. */
export const elementsOfRepeats: Rule = ({op, inputs, outputs}, scene) => {
  const [output] = outputs as [Value];
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(op) || output.dtype !== 'float32') return undefined;
  const found = inputs.map(repeated);
  const like = found.find((each) => each !== undefined && each.rows.shape[2] === output.shape[1]);
  if (like === undefined) return undefined;
  const {emit, now} = scene;
  const {runs, times} = like;
  const columns = output.shape[1]!;
  const operands = inputs.map((value, i) => {
    const own = found[i];
    if (own?.runs === runs && sameShape(value.shape, output.shape)) return {value: now(own.rows), small: true};
    if (sameShape(value.shape, output.shape))
      return {value: emit.reshape(now(value), [runs, times, columns]), small: false};
    // The same for all rows, if anything: a column of numbers would differ from row to row.
    return value.shape.length < 2 || value.shape[0] === 1 ? {value: now(value), small: true} : undefined;
  });
  if (operands.some((operand) => operand === undefined)) return undefined;
  const small = operands.every((operand) => operand!.small);
  const shape = [runs, small ? 1 : times, columns];
  const values = operands.map((operand) => operand!.value);
  const result = emit.node(op, values, 'float32', shape);
  return small ? again(emit.reshape(result, [runs, columns]), like, scene) : emit.reshape(result, output.shape);
};

/** `a' b` where rows of b repeat: those of a that meet the same row are added up before. */
export const gradientsOfRepeats: Rule = (node, scene) => {
  const [a, b, ...added] = node.inputs as [Value, Value];
  const {transA = 0, transB = 0} = node.attributes;
  if (node.op !== 'Gemm' || transA !== 1 || transB !== 0 || a.dtype !== 'float32') return undefined;
  const right = repeated(b);
  const {emit, now} = scene;
  if (right === undefined) return undefined;
  const sums = runSums(now(a), right, scene);
  const inputs = [sums, once(right, scene), ...added.map(now)];
  return emit.node('Gemm', inputs, 'float32', node.outputs[0]!.shape, node.attributes);
};

/** The sum over all rows is that over one of each run, times their number. */
export const sumsOfRepeats: Rule = (node, scene) => {
  const [x] = node.inputs as [Value];
  const rows = node.op === 'ReduceSum' && axesOf(node)?.join() === '0' ? repeated(x) : undefined;
  if (rows === undefined) return undefined;
  const {emit} = scene;
  const [output] = node.outputs as [Value];
  const sum = emit.node('ReduceSum', [once(rows, scene), emit.ints([0])], 'float32', output.shape, node.attributes);
  return emit.node('Mul', [sum, emit.scalar(rows.times, 'float32')], 'float32', output.shape);
};

/** The rows of a matrix of the new graph, added up in runs: [runs, columns]. */
export function runSums(matrix: Value, {runs, times}: Runs, {emit}: Scene): Value {
  const columns = matrix.shape[1]!;
  const inRuns = emit.reshape(matrix, [runs, times, columns]);
  return emit.node('ReduceSum', [inRuns, emit.ints([1])], 'float32', [runs, columns], {keepdims: 0});
}
