import type {DataOf, DType} from '@accrete/kit';

/** Element types inside a graph; the last two occur only between nodes. */
export type ElementType = DType | 'int64' | 'float64';

/** An attribute of a node. A bare number is an integer; `{float}` is a 32-bit float. */
export type Attribute = number | string | readonly number[] | {readonly float: number};

/** Contents of a constant. Whole numbers of an int64 constant are held in a BigInt64Array. */
export type ConstantData = DataOf<DType> | BigInt64Array;

/** Where a value comes from. */
export type Origin =
  | {readonly kind: 'input' | 'noise'; readonly name: string}
  | {readonly kind: 'constant'; readonly data: ConstantData}
  | {readonly kind: 'node'; readonly node: GraphNode; readonly index: number};

/** One array of a graph, of a known shape. */
export interface Value {
  readonly id: number;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly origin: Origin;
}

/** One operation. `domain` is empty for the standard operators. */
export interface GraphNode {
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
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

/** Builds a graph node by node. A node that is already there, with the same inputs and attributes, is used again. */
export class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #known = new Map<string, readonly Value[]>();
  #nextId = 0;

  input(kind: 'input' | 'noise', name: string, dtype: ElementType, shape: readonly number[]): Value {
    return this.#value(dtype, shape, {kind, name});
  }

  constant(data: ConstantData, dtype: ElementType, shape: readonly number[]): Value {
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
    return this.#share(key, () => {
      const outputs: Value[] = [];
      const node: GraphNode = {op, domain, inputs, outputs, attributes};
      for (const [index, {dtype, shape}] of results.entries()) {
        outputs.push(this.#value(dtype, shape, {kind: 'node', node, index}));
      }
      this.#nodes.push(node);
      return outputs;
    });
  }

  /** The graph that yields `outputs`: found by walking back from them, so nodes that none of them needs are left out. */
  finish(outputs: Readonly<Record<string, Value>>): Graph {
    const needed = new Set<GraphNode>();
    const inputs = new Set<Value>();
    const constants = new Set<Value>();
    const pending = Object.values(outputs);
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      const {origin} = value;
      if (origin.kind === 'constant') constants.add(value);
      else if (origin.kind !== 'node') inputs.add(value);
      else if (!needed.has(origin.node)) {
        needed.add(origin.node);
        pending.push(...origin.node.inputs);
      }
    }
    const byId = (a: Value, b: Value): number => a.id - b.id;
    return {
      inputs: [...inputs].sort(byId),
      constants: [...constants].sort(byId),
      nodes: this.#nodes.filter((node) => needed.has(node)),
      outputs,
    };
  }

  #value(dtype: ElementType, shape: readonly number[], origin: Origin): Value {
    return {id: this.#nextId++, dtype, shape: [...shape], origin};
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
