import type {DataOf, DType} from '@accrete/kit';

/** Element types inside a graph; the last two occur only between nodes. */
export type ElementType = DType | 'int64' | 'float64';

/** An attribute of a node. A bare number is an integer; `{float}` is a 32-bit float. */
export type Attribute = number | string | readonly number[] | {readonly float: number};

/** Contents of a constant. Whole numbers of an int64 constant are held in a BigInt64Array. */
export type ConstantData = DataOf<DType> | BigInt64Array;

/** Where a value comes from; a lane is a part of the graph that was computed before, see `inLanes`. */
export type Origin =
  | {readonly kind: 'input' | 'noise' | 'lane'; readonly name: string}
  | {readonly kind: 'constant'; readonly data: ConstantData}
  | {readonly kind: 'node'; readonly node: GraphNode; readonly index: number};

/** One array of a graph, of a known shape. */
export interface Value {
  readonly id: number;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly origin: Origin;
}

/** One operation. `domain` is empty for the standard operators; a Scan has a body. */
export interface GraphNode {
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly body?: Body;
}

/** What a Scan does for each of its blocks. */
export interface Body {
  /** First what goes on from block to block, then the blocks. */
  readonly inputs: readonly Value[];
  readonly nodes: readonly GraphNode[];
  /** First what goes on to the next block, then the parts of what is joined in the end. */
  readonly outputs: readonly Value[];
  /** Values of the graph around it. */
  readonly captured: readonly Value[];
}

/** What a node yields. */
export interface Result {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/** A finished graph: nodes in an order in which they can run, and nothing that no output needs. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly constants: readonly Value[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: Readonly<Record<string, Value>>;
}

/** Constants of at most this many elements are shared where their contents agree. */
const SHARED_SIZE = 16;

/**
 * Builds a graph node by node, or the body of a node of the graph `around` it, whose values it may use. A node that is already
 * there, with the same inputs and attributes, is used again.
 */
export class GraphBuilder {
  readonly #around: GraphBuilder | undefined;
  readonly #ids: {next: number};
  readonly #nodes: GraphNode[] = [];
  readonly #known = new Map<string, readonly Value[]>();

  constructor(around?: GraphBuilder) {
    this.#around = around;
    this.#ids = around === undefined ? {next: 0} : around.#ids;
  }

  input(kind: 'input' | 'noise' | 'lane', name: string, dtype: ElementType, shape: readonly number[]): Value {
    return this.#value(dtype, shape, {kind, name});
  }

  constant(data: ConstantData, dtype: ElementType, shape: readonly number[]): Value {
    if (this.#around !== undefined) return this.#around.constant(data, dtype, shape);
    const make = (): readonly Value[] => [this.#value(dtype, shape, {kind: 'constant', data})];
    if (data.length > SHARED_SIZE) return make()[0]!;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#share(`constant ${dtype} [${shape.join()}] ${bytes.join()}`, make)[0]!;
  }

  /** Appends a node. @returns its values, one per result. */
  node(
    op: string,
    inputs: readonly Value[],
    results: readonly Result[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: GraphNode['domain'] = '',
  ): readonly Value[] {
    const key = `${domain} ${op} ${inputs.map(({id}) => id).join()} ${JSON.stringify(attributes)}`;
    return this.#share(key, () => this.#append({op, domain, inputs, attributes}, results));
  }

  /** Appends a Scan: `body` for each block along the first axis of the last `blocks` inputs. @returns its values. */
  scan(inputs: readonly Value[], blocks: number, body: Body, results: readonly Result[]): readonly Value[] {
    return this.#append({op: 'Scan', domain: '', inputs, attributes: {num_scan_inputs: blocks}, body}, results);
  }

  /** The graph that yields `outputs`. Nodes that none of them needs are left out. */
  finish(outputs: Readonly<Record<string, Value>>): Graph {
    const {nodes, leaves} = this.#needed(Object.values(outputs));
    const constants = leaves.filter(({origin}) => origin.kind === 'constant');
    return {inputs: leaves.filter((value) => !constants.includes(value)), constants, nodes, outputs};
  }

  /** The body that makes `outputs` of `inputs`. Nodes that none of them needs are left out. */
  finishBody(inputs: readonly Value[], outputs: readonly Value[]): Body {
    const {nodes, leaves} = this.#needed(outputs);
    return {inputs, nodes, outputs, captured: leaves.filter((value) => !inputs.includes(value))};
  }

  /** The nodes that values need, found by walking back from them, and what no node of this graph makes. */
  #needed(values: readonly Value[]): {readonly nodes: GraphNode[]; readonly leaves: Value[]} {
    const own = new Set(this.#nodes);
    const needed = new Set<GraphNode>();
    const leaves = new Set<Value>();
    const pending = [...values];
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      const {origin} = value;
      if (origin.kind !== 'node' || !own.has(origin.node)) leaves.add(value);
      else if (!needed.has(origin.node)) {
        needed.add(origin.node);
        pending.push(...origin.node.inputs, ...(origin.node.body?.captured ?? []));
      }
    }
    return {nodes: this.#nodes.filter((node) => needed.has(node)), leaves: [...leaves].sort((a, b) => a.id - b.id)};
  }

  #append(made: Omit<GraphNode, 'outputs'>, results: readonly Result[]): readonly Value[] {
    const outputs: Value[] = [];
    const node: GraphNode = {...made, outputs};
    for (const [index, {dtype, shape}] of results.entries()) {
      outputs.push(this.#value(dtype, shape, {kind: 'node', node, index}));
    }
    this.#nodes.push(node);
    return outputs;
  }

  #value(dtype: ElementType, shape: readonly number[], origin: Origin): Value {
    return {id: this.#ids.next++, dtype, shape: [...shape], origin};
  }

  #share(key: string, make: () => readonly Value[]): readonly Value[] {
    let values = this.#known.get(key);
    if (values === undefined) {
      values = make();
      this.#known.set(key, values);
    }
    return values;
  }
}
