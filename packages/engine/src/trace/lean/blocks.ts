import {sizeOf} from '@accrete/kit';
import {Emitter} from '../emitter.ts';
import {type Graph, GraphBuilder, type GraphNode, type Value} from '../graph.ts';
import {BlockBuilder, startOfSum} from './block-builder.ts';
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

interface Plan {
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

/** A graph as so many parts of a batch, each computed on a thread of its own, and what is done with what they yield. */
export interface Lanes {
  readonly count: number;
  /** The inputs of the graph, the batch but a part of it; the outputs are called "0", "1" and so on. */
  readonly lane: Graph;
  /** Inputs of kind "lane", called "lane/output", are the outputs of the lanes. */
  readonly rest: Graph;
  /** The inputs of which each lane takes a part, by kind and name. */
  readonly split: readonly Value[];
}

/** The same graph in lanes: where it would be computed in blocks, and its blocks can be dealt out evenly; else undefined. */
export function inLanes(graph: Graph, limits: BlockLimits, count: number): Lanes | undefined {
  const plan = bestPlan(graph, limits, count);
  return plan === undefined ? undefined : dealtOut(graph, plan, count);
}

function bestPlan(graph: Graph, limits: BlockLimits, lanes: number): Plan | undefined {
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

function dealtOut(graph: Graph, {count, roles, split}: Plan, lanes: number): Lanes {
  const rest = graph.nodes.filter((node) => !roles.has(node));
  const summed = [...roles].flatMap(([node, role]) => (role === 'summed' ? [node] : []));
  const parts = joinedIn(graph, split);
  const partOf = ({shape}: Value): number[] => [shape[0]! / lanes, ...shape.slice(1)];

  const one = copying(graph, (value) => (split.has(value) ? partOf(value) : value.shape));
  for (const node of rest) if (node.inputs.every((value) => one.values.has(value) && !split.has(value))) one.copy(node);
  const block = new BlockBuilder(one.emit, one.now, count, split, lanes);
  for (const [node, role] of roles) role === 'summed' ? block.sum(node) : block.compute(node);
  const made = block.scan(parts);
  const yielded = [...summed.map(({outputs}) => outputs[0]!), ...parts];
  const lane = one.emit.graph.finish(Object.fromEntries(yielded.map((value, i) => [String(i), made.get(value)!])));

  const all = copying(graph);
  const {emit, values, now, copy} = all;
  const ofLanes = (value: Value, i: number, shape: readonly number[]): Value[] =>
    Array.from({length: lanes}, (_, k) => emit.graph.input('lane', `${k}/${i}`, value.dtype, shape));
  for (const node of rest) if (node.inputs.every((value) => values.has(value))) copy(node);
  for (const [i, node] of summed.entries()) {
    const [of] = node.outputs as [Value];
    const terms = ofLanes(of, i, of.shape);
    const start = startOfSum(node, emit, now);
    const sum = [...(start === undefined ? [] : [start]), ...terms].reduce((a, b) =>
      emit.node('Add', [a, b], of.dtype, of.shape),
    );
    values.set(of, sum);
  }
  for (const [i, value] of parts.entries()) {
    const pieces = ofLanes(value, summed.length + i, partOf(value));
    values.set(value, emit.node('Concat', pieces, value.dtype, value.shape, {axis: 0}));
  }
  for (const node of rest) if (!values.has(node.outputs[0]!)) copy(node);
  const inputs = lane.inputs.filter(({origin}) => origin.kind !== 'constant');
  return {
    count: lanes,
    lane,
    rest: emit.graph.finish(outputsOf(graph, now)),
    split: inputs.filter((value) => [...split].some((whole) => one.values.get(whole) === value)),
  };
}

/** The outputs that are put together again from blocks. */
function joinedIn(graph: Graph, split: ReadonlySet<Value>): Value[] {
  return [...new Set(Object.values(graph.outputs))].filter((value) => split.has(value));
}

function outputsOf(graph: Graph, now: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, now(value)]));
}

/** A new graph with the inputs and constants of another, and how nodes are copied into it. */
function copying(
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
