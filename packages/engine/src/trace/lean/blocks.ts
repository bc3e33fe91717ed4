import {sizeOf} from '@accrete/kit';
import {Emitter} from '../emitter.ts';
import {type Graph, GraphBuilder, type GraphNode, type Value} from '../graph.ts';
import {BlockBuilder} from './block-builder.ts';
import {type Role, roleOf} from './block-roles.ts';
import {renewed} from './rewrite.ts';

/** When a batch is computed in blocks, and how large they are. */
export interface BlockLimits {
  /** Elements of the largest value of a block. */
  readonly size: number;
  /** How many times more elements must be computed in blocks than are summed over them, as sums are written once per block. */
  readonly worth: number;
}

/** Half a megabyte for each thread: a few such values fit into the second-level cache of its processor. */
export function blockLimits(threads: number): BlockLimits {
  return {size: 2 ** 17 * threads, worth: 8};
}

/** How a graph is cut into blocks. */
export interface Plan {
  readonly count: number;
  /** The nodes that are computed block by block, and what comes of it. */
  readonly roles: ReadonlyMap<GraphNode, Exclude<Role, Value>>;
  readonly split: ReadonlySet<Value>;
}

/**
 * The same graph, a large batch computed in blocks of examples: forward and backward for the first block, then for the second,
 * and so on, the gradients summed up on the way. What a layer computes is then still in the cache when the next one needs it.
 *
 * Nothing is assumed about which input is the batch: it is one along whose first axis everything that follows can be cut. Where
 * examples depend on one another, as under batch norm, or where it would not pay, the graph stays as it is.
 */
export function inBlocks(graph: Graph, limits: BlockLimits): Graph {
  const plan = bestPlan(graph, limits, 1);
  return plan === undefined ? graph : rebuilt(graph, plan);
}

/** How most of a graph can be cut into blocks, their number a multiple of `lanes`; undefined where it cannot, or need not. */
export function bestPlan(graph: Graph, limits: BlockLimits, lanes: number): Plan | undefined {
  const lengths = new Set(graph.inputs.map(({shape}) => shape[0] ?? 1));
  const plans = [...lengths].flatMap((length) => planFor(graph, length, limits, lanes) ?? []);
  return plans.sort((a, b) => b.roles.size - a.roles.size)[0];
}

/** The fewest blocks of a batch of `length` examples that fit, if it can be cut, and if that is worth while. */
function planFor(graph: Graph, length: number, {size, worth}: BlockLimits, lanes: number): Plan | undefined {
  for (let count = Math.max(2, lanes); count <= length; count += lanes) {
    if (length % count !== 0) continue;
    const plan = planOf(graph, length, count);
    if (plan === undefined) continue;
    const sizes = [...plan.split].map(({shape}) => sizeOf(shape));
    if (Math.max(...sizes) <= size) return undefined; // fits uncut
    if (Math.max(...sizes) > size * count) continue;
    return sum(sizes) > worth * count * sum(summedSizes(plan)) ? plan : undefined;
  }
  return undefined;
}

function summedSizes({roles}: Plan): number[] {
  return [...roles].flatMap(([{outputs}, role]) => (role === 'summed' ? outputs.map(({shape}) => sizeOf(shape)) : []));
}

const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

/** Which nodes can be computed in blocks, with as many inputs of that length cut as the nodes that take them allow. */
function planOf(graph: Graph, length: number, count: number): Plan | undefined {
  const whole = new Set<Value>();
  for (;;) {
    const plan = attempt(graph, length, count, whole);
    if (plan === undefined || !('origin' in plan)) return plan;
    whole.add(plan);
  }
}

/** A plan; or an input that cannot be cut; or undefined where something in between cannot be. */
function attempt(graph: Graph, length: number, count: number, whole: ReadonlySet<Value>): Plan | Value | undefined {
  const split = new Set(graph.inputs.filter((value) => value.shape[0] === length && !whole.has(value)));
  const roles = new Map<GraphNode, Exclude<Role, Value>>();
  /** What is known only after the last block. */
  const late = new Set<Value>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((value) => split.has(value))) {
      if (node.inputs.some((value) => late.has(value))) for (const output of node.outputs) late.add(output);
      continue;
    }
    const role = roleOf(node, (value) => split.has(value), count);
    if (typeof role !== 'string') {
      if (role.origin.kind !== 'node') return role;
      const input = node.inputs.find((value) => split.has(value) && value.origin.kind !== 'node');
      return input;
    }
    if (node.inputs.some((value) => late.has(value))) return undefined;
    roles.set(node, role);
    for (const output of node.outputs) (role === 'split' ? split : late).add(output);
  }
  return roles.size > 0 ? {count, roles, split} : undefined;
}

function rebuilt(graph: Graph, {count, roles, split}: Plan): Graph {
  const {emit, values, now, copy} = copying(graph);
  const rest = graph.nodes.filter((node) => !roles.has(node));
  for (const node of rest) if (node.inputs.every((value) => values.has(value))) copy(node);
  const block = new BlockBuilder(emit, now, count, split);
  for (const [node, role] of roles) role === 'summed' ? block.sum(node) : block.compute(node);
  for (const [value, result] of block.scan(joinedIn(graph, split))) values.set(value, result);
  for (const node of rest) if (!values.has(node.outputs[0]!)) copy(node);
  return emit.graph.finish(outputsOf(graph, now));
}

/** The outputs that are put together again from blocks. */
export function joinedIn(graph: Graph, split: ReadonlySet<Value>): Value[] {
  return [...new Set(Object.values(graph.outputs))].filter((value) => split.has(value));
}

/** The outputs of a graph as values of a new one. */
export function outputsOf(graph: Graph, now: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, now(value)]));
}

/** A new graph with the inputs and constants of another, and how nodes are copied into it. */
export function copying(
  graph: Graph,
  shapeOf?: (input: Value) => readonly number[],
): {
  readonly emit: Emitter;
  readonly values: Map<Value, Value>;
  now(value: Value): Value;
  copy(node: GraphNode): void;
} {
  const emit = new Emitter(new GraphBuilder());
  const values = renewed(graph, emit.graph, shapeOf);
  const now = (value: Value): Value => values.get(value)!;
  return {
    emit,
    values,
    now,
    copy({op, inputs, outputs, attributes, domain}) {
      const results = emit.graph.node(op, inputs.map(now), outputs, attributes, domain);
      for (const [i, output] of outputs.entries()) values.set(output, results[i]!);
    },
  };
}
