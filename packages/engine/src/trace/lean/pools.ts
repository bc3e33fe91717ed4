import {sameShape} from '../emitter.ts';
import type {GraphNode, Value} from '../graph.ts';
import {axesOf} from './axes.ts';
import {times} from './multiples.ts';
import {isProduct} from './products.ts';
import {type Runs, runSums} from './repeats.ts';
import {madeBy, type Rule, type Scene} from './rewrite.ts';

/**
 * A sum or mean over rows of a product is a product of sums: where tokens are averaged after a layer, the layer itself is computed
 * for the average. Sums are what its operands are added up to, so that the gradient of its weights can use them, too.
 */
export const pooledProducts: Rule = (node, scene) => {
  if (node.op !== 'ReduceSum' && node.op !== 'ReduceMean') return undefined;
  const [x] = node.inputs as [Value];
  const [runs, length, columns] = x.shape;
  const matrix = madeBy(x, 'Reshape')?.inputs[0];
  if (x.dtype !== 'float32' || x.shape.length !== 3 || axesOf(node)?.join() !== '1' || scene.uses(x) > 1)
    return undefined;
  if (matrix === undefined || !sameShape(matrix.shape, [runs! * length!, columns!]) || length! < 2) return undefined;
  if (!holdsProduct(matrix, scene)) return undefined;
  const sum = pooled(matrix, {runs: runs!, times: length!}, scene);
  const {emit} = scene;
  const shaped = emit.reshape(sum, node.outputs[0]!.shape);
  return node.op === 'ReduceMean' ? times(shaped, 1 / length!, scene) : shaped;
};

/** The node that made a value, if nothing else needs the value. */
function only(value: Value, scene: Scene): GraphNode | undefined {
  return value.origin.kind === 'node' && scene.uses(value) === 1 ? value.origin.node : undefined;
}

/** True for a matrix, or for something that is the same for all of its rows. */
const ofRows = (part: Value, {shape}: Value): boolean =>
  sameShape(part.shape, shape) || part.shape.length < 2 || part.shape[0] === 1;

/** A product of rows and a matrix; what is added to it is a matrix or one row for all, as in every Gemm that we make. */
const rowsTimesMatrix = (node: GraphNode): boolean =>
  isProduct(node) && node.attributes['transA'] !== 1 && node.inputs.slice(0, 2).every(({shape}) => shape.length === 2);

/** True where a product can be taken after the sum. */
function holdsProduct(value: Value, scene: Scene): boolean {
  const node = only(value, scene);
  if (node === undefined) return false;
  if (node.op !== 'Add') return rowsTimesMatrix(node);
  return (
    node.inputs.every((part) => ofRows(part, value)) &&
    node.inputs.some((part) => sameShape(part.shape, value.shape) && holdsProduct(part, scene))
  );
}

/** Sums over runs of rows, [runs, columns], taken as early as they can be. */
function pooled(value: Value, over: Runs, scene: Scene): Value {
  const {emit, now} = scene;
  const node = only(value, scene);
  const shape = [over.runs, value.shape[1]!];
  if (node !== undefined && rowsTimesMatrix(node)) {
    const [a, b, added] = node.inputs as [Value, Value, Value | undefined];
    const inputs = [
      runSums(now(a), over, scene),
      now(b),
      ...(added === undefined ? [] : [part(added, value, over, scene)]),
    ];
    return emit.node(node.op, inputs, 'float32', shape, node.attributes, node.domain);
  }
  if (node?.op === 'Add' && holdsProduct(value, scene)) {
    const inputs = node.inputs.map((operand) => part(operand, value, over, scene));
    return emit.node('Add', inputs, 'float32', shape);
  }
  return runSums(now(value), over, scene);
}

/** The sum of what is added to each row: of a matrix, or of one row for all. */
function part(added: Value, to: Value, over: Runs, scene: Scene): Value {
  if (sameShape(added.shape, to.shape)) return pooled(added, over, scene);
  return times(scene.now(added), over.times, scene);
}
