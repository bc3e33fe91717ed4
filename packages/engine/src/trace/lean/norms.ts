import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {mapped, meetsProducts} from './columns.ts';
import {madeBy, numberIn, type Rule} from './rewrite.ts';

// Layer norms in front of products, and their gradients behind them: what is linear in them goes into the matrices.

/**
 * A norm whose scale and offset only products see, and whose gradient needs the rows as they are without them: these are what it
 * yields, and the products take up scale and offset.
 */
export const plainNorms: Rule = (node, {emit, now, uses, users}) => {
  if (node.op !== 'LayerNormalization' || isPlain(node)) return undefined;
  const [x, scale, offset] = node.inputs as [Value, Value, Value];
  const [y, mean, inverse] = node.outputs as [Value, Value, Value];
  if (scale.shape.length !== 1 || scale.shape[0] === 1 || uses(inverse) === 0 || uses(mean) === 0) return undefined;
  if (!meetsProducts(y, {emit, now, uses, users})) return undefined;
  const width = scale.shape[0]!;
  const rows = [1, 0].map((fill) => emit.expand(emit.scalar(fill, 'float32'), [width]));
  const plain = emit.graph.node('LayerNormalization', [now(x), ...rows], node.outputs, node.attributes);
  const scaled = emit.node('Mul', [plain[0]!, now(scale)], 'float32', y.shape);
  return [emit.node('Add', [scaled, now(offset)], 'float32', y.shape), plain[1]!, plain[2]!];
};

/** True for a norm that scales by 1 and adds 0. */
function isPlain({inputs: [, scale, offset]}: GraphNode): boolean {
  return isAll(scale!, 1) && isAll(offset!, 0);
}

function isAll(value: Value, number: number): boolean {
  const inner = madeBy(value, 'Expand')?.inputs[0] ?? value;
  if (inner.origin.kind !== 'constant') return false;
  return numberIn(inner) === number || inner.origin.data.every((element: number | bigint) => element === number);
}

/** The norm that made a value, if it scales by 1 and adds 0. */
function plainNormOf(value: Value): GraphNode | undefined {
  const node = madeBy(value, 'LayerNormalization');
  return node !== undefined && node.outputs[0] === value && isPlain(node) ? node : undefined;
}

/** `(x - mean) / sqrt(variance + epsilon)` is what a norm without scale and offset has put out already. */
export const normedRows: Rule = ({op, inputs}, {now}) => {
  if (op !== 'Mul') return undefined;
  for (const [i, inverse] of inputs.entries()) {
    const norm = madeBy(inverse, 'LayerNormalization');
    const [x, mean] = madeBy(inputs[1 - i]!, 'Sub')?.inputs ?? [];
    if (norm === undefined || norm.outputs[2] !== inverse || !isPlain(norm)) continue;
    if (x === norm.inputs[0] && mean === norm.outputs[1]) return now(norm.outputs[0]!);
  }
  return undefined;
};

/**
 * The gradient of a norm, `g - mean(g) - n mean(g n)`, of a sum of products g: matrices whose columns have mean 0 make `g - mean(g)`
 * at once; and `mean(g n)` is the same for both, as the mean of n is 0.
 */
export const gradientsOfNorms: Rule = ({op, inputs, outputs}, scene) => {
  const [left, right] = op === 'Sub' ? inputs : [];
  const [g, mean] = (left && madeBy(left, 'Sub')?.inputs) ?? [];
  const product = right && madeBy(right, 'Mul');
  if (g === undefined || product === undefined || scene.uses(left!) !== 1 || scene.uses(right!) !== 1) return undefined;
  if (meanOf(mean!) !== g || scene.uses(mean!) !== 1) return undefined;
  const {emit, now} = scene;
  const {shape} = outputs[0]!;
  for (const [i, n] of product.inputs.entries()) {
    const norm = plainNormOf(n);
    const along = product.inputs[1 - i]!;
    const products = meanOf(along);
    const factors = products && madeBy(products, 'Mul')?.inputs;
    const both = factors?.includes(g) && factors.includes(n) && factors[0] !== factors[1];
    const overRows = norm?.attributes['axis'] === shape.length - 1;
    if (!both || !overRows || !sameShape(g.shape, shape) || scene.uses(along) !== 1 || scene.uses(products!) !== 1)
      continue;
    const centred = mapped(
      g,
      (part, axis) => {
        const size = part.shape.map((all, k) => (k === axis ? 1 : all));
        const average = emit.node('ReduceMean', [part], 'float32', size, {axes: [axis], keepdims: 1});
        return emit.node('Sub', [part, average], 'float32', part.shape);
      },
      scene,
      3,
    );
    if (centred === undefined) continue;
    const terms = emit.node('Mul', [centred, now(n)], 'float32', shape);
    const {attributes} = madeBy(along, 'ReduceMean')!;
    const average = emit.node('ReduceMean', [terms], 'float32', along.shape, attributes);
    const part = emit.node('Mul', [now(n), average], 'float32', shape);
    return emit.node('Sub', [centred, part], 'float32', shape);
  }
  return undefined;
};

/** What a value is the mean of, over the last axis alone. */
function meanOf(value: Value): Value | undefined {
  const node = madeBy(value, 'ReduceMean');
  const [x] = node?.inputs ?? [];
  const axes = node?.attributes['axes'];
  const last = x && x.shape.length - 1;
  return Array.isArray(axes) && axes.length === 1 && (axes[0] === last || axes[0] === -1) ? x : undefined;
}
