import {Emitter} from '../emitter.ts';
import {type Graph, GraphBuilder, type GraphNode, type Value} from '../graph.ts';

/** What a rule works with: it looks at the old graph, and appends to the new one. */
export interface Scene {
  /** Appends to the new graph. */
  readonly emit: Emitter;
  /** What a value of the old graph has become. */
  now(value: Value): Value;
  /** How often a value of the old graph is used, as an output included. */
  uses(value: Value): number;
  /** The nodes of the old graph that use a value, each as often as it does. */
  users(value: Value): readonly GraphNode[];
}

/**
 * What may stand in place of a node's result, or of all of its results: of the same shape and dtype, or undefined where the rule
 * does not apply.
 */
export type Rule = (node: GraphNode, scene: Scene) => Value | readonly Value[] | undefined;

/** What the values of an old graph have become in a new one. */
type Values = Map<Value, Value>;

/** Copies the inputs and constants of a graph into a new one, the inputs in other shapes if wanted. */
export function renewed(
  graph: Graph,
  builder: GraphBuilder,
  shapeOf: (input: Value) => readonly number[] = ({shape}) => shape,
): Values {
  return new Map([
    ...graph.inputs.map((value) => [value, leaf(value, builder, shapeOf(value))] as const),
    ...graph.constants.map((value) => [value, leaf(value, builder)] as const),
  ]);
}

function leaf({origin, dtype, shape: own}: Value, builder: GraphBuilder, shape = own): Value {
  if (origin.kind === 'node') throw new TypeError('a value that a node makes is no input');
  if (origin.kind === 'constant') return builder.constant(origin.data, dtype, shape);
  return builder.input(origin.kind, origin.name, dtype, shape);
}

/** The same graph with every rule applied, the first that fits at each node, until none fits any more. */
export function rewrite(graph: Graph, rules: readonly Rule[]): Graph {
  for (let current = graph; ; ) {
    const {graph: next, changed} = pass(current, rules);
    if (!changed) return next;
    current = next;
  }
}

function pass(graph: Graph, rules: readonly Rule[]): {graph: Graph; changed: boolean} {
  const builder = new GraphBuilder();
  const values = renewed(graph, builder);
  const kept = Object.values(graph.outputs);
  const changed = append(graph.nodes, kept, values, builder, rules);
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, values.get(value)!]);
  return {graph: builder.finish(Object.fromEntries(outputs)), changed};
}

/** Appends nodes, or what rules put in their place. @returns true where a rule applied. */
function append(
  nodes: readonly GraphNode[],
  kept: readonly Value[],
  values: Values,
  builder: GraphBuilder,
  rules: readonly Rule[],
): boolean {
  const users = usersIn(nodes);
  const needed = new Set(kept);
  const scene: Scene = {
    emit: new Emitter(builder),
    now: (value) => values.get(value)!,
    uses: (value) => (users.get(value)?.length ?? 0) + (needed.has(value) ? 1 : 0),
    users: (value) => users.get(value) ?? [],
  };
  let changed = false;
  for (const node of nodes) {
    let replaced: Value | readonly Value[] | undefined;
    for (const rule of rules) {
      replaced = rule(node, scene);
      if (replaced !== undefined) break;
    }
    changed ||= replaced !== undefined;
    const results = replaced === undefined ? copied(node) : [replaced].flat();
    for (const [i, output] of node.outputs.entries()) values.set(output, results[i]!);
  }
  return changed;

  function copied({op, inputs, outputs, attributes, domain, body}: GraphNode): readonly Value[] {
    const operands = inputs.map(scene.now);
    if (body === undefined) return builder.node(op, operands, outputs, attributes, domain);
    const inner = new GraphBuilder(builder);
    const inside = new Map([...values, ...body.inputs.map((value) => [value, leaf(value, inner)] as const)]);
    changed = append(body.nodes, [...body.outputs, ...body.captured], inside, inner, rules) || changed;
    const [ends, made] = [body.inputs, body.outputs].map((list) => list.map((value) => inside.get(value)!));
    return builder.scan(operands, Number(attributes['num_scan_inputs']), inner.finishBody(ends!, made!), outputs);
  }
}

function usersIn(nodes: readonly GraphNode[]): Map<Value, GraphNode[]> {
  const users = new Map<Value, GraphNode[]>();
  for (const node of nodes) {
    for (const value of [...node.inputs, ...(node.body?.captured ?? [])]) {
      const known = users.get(value);
      if (known === undefined) users.set(value, [node]);
      else known.push(node);
    }
  }
  return users;
}

/** The node of an operation that made a value. */
export function madeBy({origin}: Value, op: string): GraphNode | undefined {
  return origin.kind === 'node' && origin.node.op === op ? origin.node : undefined;
}

/** The number that a constant of one element holds. */
export function numberIn({origin, shape, dtype}: Value): number | undefined {
  if (origin.kind !== 'constant' || dtype !== 'float32' || shape.some((size) => size !== 1)) return undefined;
  return Number(origin.data[0]);
}
