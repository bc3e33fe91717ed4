import {type Attribute, type Graph, GraphBuilder, type GraphNode, type Value} from './graph.ts';

/** A value as a multiple of another. */
interface Multiple {
  readonly factor: number;
  readonly base: Value;
  /** True where nothing but the value itself needs what lies between. */
  readonly apart: boolean;
}

/**
 * The same graph with less work in it:
 *
 * - numbers that follow one another as factors become one, and that of a matrix product becomes part of the product;
 * - a sum of a matrix and a matrix product that nothing else needs becomes one Gemm: `p - rate * (a b)` or `0.9 m + 0.1 (a b)`.
 */
export function lean(graph: Graph): Graph {
  const uses = countUses(graph);
  const builder = new GraphBuilder();
  const renewed = new Map<Value, Value>();
  for (const value of graph.inputs) {
    if (value.origin.kind === 'node' || value.origin.kind === 'constant') continue;
    renewed.set(value, builder.input(value.origin.kind, value.origin.name, value.dtype, value.shape));
  }
  for (const value of graph.constants) {
    if (value.origin.kind === 'constant')
      renewed.set(value, builder.constant(value.origin.data, value.dtype, value.shape));
  }
  const now = (value: Value): Value => renewed.get(value)!;
  for (const node of graph.nodes) {
    const replaced = foldedSum(node) ?? foldedFactor(node);
    const values =
      replaced === undefined
        ? builder.node(node.op, node.inputs.map(now), node.outputs, node.attributes, node.domain)
        : [replaced];
    for (const [i, output] of node.outputs.entries()) renewed.set(output, values[i]!);
  }
  return builder.finish(Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, now(value)])));

  function multiple(value: Value): Multiple {
    const node = madeBy(value, 'Mul');
    const by = node === undefined ? undefined : scaling(node);
    if (by === undefined) return {factor: 1, base: value, apart: uses.get(value) === 1};
    const inner = multiple(by.of);
    return {...inner, factor: inner.factor * by.factor, apart: inner.apart && uses.get(value) === 1};
  }

  function foldedFactor(node: GraphNode): Value | undefined {
    const by = node.op === 'Mul' ? scaling(node) : undefined;
    if (by === undefined) return undefined;
    const inner = multiple(by.of);
    const factor = inner.factor * by.factor;
    const product = inner.apart ? productOf(inner.base) : undefined;
    if (product !== undefined) return scaled(product, factor);
    if (inner.base === by.of) return undefined;
    const {dtype, shape} = node.outputs[0]!;
    const inputs = [now(inner.base), builder.constant(Float32Array.of(factor), 'float32', [])];
    return builder.node('Mul', inputs, [{dtype, shape}])[0]!;
  }

  function foldedSum(node: GraphNode): Value | undefined {
    if (node.op !== 'Add' && node.op !== 'Sub') return undefined;
    const [left, right] = node.inputs as [Value, Value];
    const sign = node.op === 'Sub' ? -1 : 1;
    return added(left, 1, right, sign) ?? added(right, sign, left, 1);
  }

  /** `signA * a + signB * b` where b is a matrix product. */
  function added(a: Value, signA: number, b: Value, signB: number): Value | undefined {
    const product = multiple(b);
    const made = product.apart ? productOf(product.base) : undefined;
    const [shape] = [b.shape];
    if (made === undefined || shape.length !== 2 || a.shape.length !== 2 || a.dtype !== 'float32') return undefined;
    if (a.shape[0] !== shape[0] || a.shape[1] !== shape[1] || made.inputs.length !== 2) return undefined;
    const other = multiple(a);
    const {transA = 0, transB = 0, alpha} = made.attributes;
    const attributes = {
      transA,
      transB,
      alpha: {float: signB * product.factor * numberOf(alpha)},
      beta: {float: signA * other.factor},
    };
    return builder.node(
      'Gemm',
      [...made.inputs.map(now), now(other.base)],
      [{dtype: 'float32', shape}],
      attributes,
    )[0]!;
  }

  function scaled(product: GraphNode, factor: number): Value {
    const {dtype, shape} = product.outputs[0]!;
    const flat = shape.length === 2;
    const {transA = 0, transB = 0, alpha} = product.attributes;
    const attributes = {transA, transB, alpha: {float: factor * numberOf(alpha)}};
    const inputs = product.inputs.map(now);
    return builder.node(
      flat ? 'Gemm' : 'FusedMatMul',
      inputs,
      [{dtype, shape}],
      attributes,
      flat ? '' : 'com.microsoft',
    )[0]!;
  }
}

function countUses(graph: Graph): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const {inputs} of graph.nodes) inputs.forEach(use);
  Object.values(graph.outputs).forEach(use);
  return uses;
}

function madeBy({origin}: Value, op: string): GraphNode | undefined {
  return origin.kind === 'node' && origin.node.op === op ? origin.node : undefined;
}

/** Where a Mul multiplies a float32 value, shape unchanged, by one finite number. */
function scaling({inputs, outputs}: GraphNode): {readonly of: Value; readonly factor: number} | undefined {
  for (const [i, {origin, dtype, shape}] of inputs.entries()) {
    const of = inputs[1 - i]!;
    if (origin.kind !== 'constant' || dtype !== 'float32' || shape.length > 0) continue;
    const factor = Number(origin.data[0]);
    if (of.origin.kind !== 'constant' && of.shape.length === outputs[0]!.shape.length && Number.isFinite(factor))
      return {of, factor};
  }
  return undefined;
}

/** The float32 matrix product, with nothing added to it, that made a value. */
function productOf(value: Value): GraphNode | undefined {
  const node = ['MatMul', 'Gemm', 'FusedMatMul'].map((op) => madeBy(value, op)).find((made) => made !== undefined);
  return node !== undefined && node.inputs.length === 2 && value.dtype === 'float32' ? node : undefined;
}

function numberOf(attribute: Attribute | undefined): number {
  return typeof attribute === 'object' && 'float' in attribute ? attribute.float : 1;
}
