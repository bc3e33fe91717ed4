import type {Graph, GraphNode, Value} from '../graph.ts';
import {BlockBuilder, startOfSum} from './block-builder.ts';
import {type BlockLimits, bestPlan, copying, joinedIn, outputsOf, type Plan} from './blocks.ts';

/** A graph as so many parts of a batch, each computed on a thread of its own, and what is done with what they yield. */
export interface Lanes {
  readonly count: number;
  /** One part: the inputs of the graph, the batch but a part of it; the outputs are called "0", "1" and so on. */
  readonly lane: Graph;
  /** What follows. Inputs of kind "lane", called "lane/output", are the outputs of the lanes. */
  readonly rest: Graph;
  /** The inputs of the graph of which each lane takes a part. */
  readonly split: readonly Value[];
}

/** The same graph in lanes: where it would be computed in blocks, and its blocks can be dealt out evenly; else undefined. */
export function inLanes(graph: Graph, limits: BlockLimits, count: number): Lanes | undefined {
  const plan = bestPlan(graph, limits, count);
  if (plan === undefined) return undefined;
  const summed = [...plan.roles].flatMap(([node, role]) => (role === 'summed' ? [node] : []));
  const lane = laneOf(graph, plan, summed, count);
  return {
    count,
    lane,
    rest: restOf(graph, plan, summed, count),
    split: graph.inputs.filter((value) => plan.split.has(value)),
  };
}

/** The shape of a lane's part of what is split. */
function partOf({shape}: Value, lanes: number): number[] {
  return [shape[0]! / lanes, ...shape.slice(1)];
}

/** The blocks of one lane: what is summed over them, and what is put together again. */
function laneOf(graph: Graph, {count, roles, split}: Plan, summed: readonly GraphNode[], lanes: number): Graph {
  const shapeOf = (value: Value): readonly number[] => (split.has(value) ? partOf(value, lanes) : value.shape);
  const {emit, values, now, copy} = copying(graph, shapeOf);
  for (const node of graph.nodes) {
    if (!roles.has(node) && node.inputs.every((value) => values.has(value))) copy(node);
  }
  const block = new BlockBuilder(emit, now, count, split, lanes);
  for (const [node, role] of roles) role === 'summed' ? block.sum(node) : block.compute(node);
  const parts = joinedIn(graph, split);
  const made = block.scan(parts);
  const yielded = [...summed.map(({outputs}) => outputs[0]!), ...parts];
  return emit.graph.finish(Object.fromEntries(yielded.map((value, i) => [String(i), made.get(value)!])));
}

/** What is done with the sums and parts of all lanes. */
function restOf(graph: Graph, {roles, split}: Plan, summed: readonly GraphNode[], lanes: number): Graph {
  const {emit, values, now, copy} = copying(graph);
  const rest = graph.nodes.filter((node) => !roles.has(node));
  const ofLanes = ({dtype}: Value, i: number, shape: readonly number[]): Value[] =>
    Array.from({length: lanes}, (_, lane) => emit.graph.input('lane', `${lane}/${i}`, dtype, shape));
  for (const node of rest) if (node.inputs.every((value) => values.has(value))) copy(node);
  for (const [i, node] of summed.entries()) {
    const [sum] = node.outputs as [Value];
    const start = startOfSum(node, emit, now);
    const terms = [...(start === undefined ? [] : [start]), ...ofLanes(sum, i, sum.shape)];
    const total = terms.reduce((a, b) => emit.node('Add', [a, b], sum.dtype, sum.shape));
    values.set(sum, total);
  }
  for (const [i, value] of joinedIn(graph, split).entries()) {
    const parts = ofLanes(value, summed.length + i, partOf(value, lanes));
    values.set(value, emit.node('Concat', parts, value.dtype, value.shape, {axis: 0}));
  }
  for (const node of rest) if (!values.has(node.outputs[0]!)) copy(node);
  return emit.graph.finish(outputsOf(graph, now));
}
