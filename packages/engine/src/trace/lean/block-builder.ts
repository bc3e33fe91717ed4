import {Emitter, sameShape} from '../emitter.ts';
import {GraphBuilder, type GraphNode, type Result, type Value} from '../graph.ts';

/** A sum over blocks: of what, where it starts, and what it is before and after a block. */
interface Sum {
  readonly of: Value;
  readonly first: Value;
  readonly before: Value;
  readonly after: Value;
}

/** Builds the Scan that computes nodes block by block. Nodes and values that it is told of are those of the old graph. */
export class BlockBuilder {
  readonly #emit: Emitter;
  readonly #inner: Emitter;
  readonly #now: (value: Value) => Value;
  readonly #count: number;
  readonly #split: ReadonlySet<Value>;
  /** Values of one block by what they are a block of. */
  readonly #parts = new Map<Value, Value>();
  readonly #sums: Sum[] = [];
  /** Inputs in blocks, of the Scan and of its body. */
  readonly #cuts: {readonly whole: Value; readonly block: Value}[] = [];

  /** @param emit the new graph; @param now what a value is there; @param split what is cut into `count` blocks. */
  constructor(emit: Emitter, now: (value: Value) => Value, count: number, split: ReadonlySet<Value>) {
    this.#emit = emit;
    this.#inner = new Emitter(new GraphBuilder(emit.graph));
    this.#now = now;
    this.#count = count;
    this.#split = split;
  }

  /** A node computed for each block by itself. */
  compute(node: GraphNode): void {
    for (const [i, result] of this.#computed(node).entries()) this.#parts.set(node.outputs[i]!, result);
  }

  /** A node whose result is summed over the blocks: products and scattered values go into the sum as they are made. */
  sum(node: GraphNode): void {
    const {op, attributes, domain} = node;
    const [of] = node.outputs as [Value];
    const {dtype, shape} = of;
    const inputs = node.inputs.map((value) => this.#part(value));
    const into = {Gemm: 2, ScatterElements: 0}[op];
    const added = into === undefined ? undefined : node.inputs[into];
    const before = this.#inner.graph.input('input', `sum of ${of.id}`, dtype, shape);
    const first = added === undefined ? this.#zeros(of) : this.#weighted(this.#now(added), node);
    const emit = this.#inner;
    const after =
      into === undefined
        ? emit.node('Add', [before, emit.node(op, inputs, dtype, shape, attributes, domain)], dtype, shape)
        : emit.node(op, inputs.toSpliced(into, 1, before), dtype, shape, {
            ...attributes,
            ...(op === 'Gemm' ? {beta: {float: 1}} : {}),
          });
    this.#sums.push({of, first, before, after});
  }

  /** Appends the Scan. @param joined what is put together again. @returns what the sums and those have become. */
  scan(joined: readonly Value[]): Map<Value, Value> {
    const emit = this.#emit;
    const [sums, cuts] = [this.#sums, this.#cuts];
    const parts = joined.map((value) => this.#part(value));
    const body = this.#inner.graph.finishBody(
      [...sums.map(({before}) => before), ...cuts.map(({block}) => block)],
      [...sums.map(({after}) => after), ...parts],
    );
    const inputs = [...sums.map(({first}) => first), ...cuts.map(({whole}) => whole)];
    const results: Result[] = [
      ...sums.map(({of}) => of),
      ...parts.map(({dtype, shape}) => ({dtype, shape: [this.#count, ...shape]})),
    ];
    const made = emit.graph.scan(inputs, cuts.length, body, results);
    return new Map([
      ...sums.map(({of}, i) => [of, made[i]!] as const),
      ...joined.map((value, i) => [value, emit.reshape(made[sums.length + i]!, value.shape)] as const),
    ]);
  }

  #computed(node: GraphNode): readonly Value[] {
    const emit = this.#inner;
    const inputs = node.inputs.map((value) => this.#part(value));
    const [output] = node.outputs as [Value];
    if (node.op === 'Reshape') return [emit.reshape(inputs[0]!, this.#blockShape(output))];
    if (node.op === 'Expand') return [emit.expand(inputs[0]!, this.#blockShape(output))];
    const results = node.outputs.map((value) => ({dtype: value.dtype, shape: this.#blockShape(value)}));
    return emit.graph.node(node.op, inputs, results, node.attributes, node.domain);
  }

  #part(value: Value): Value {
    return this.#parts.get(value) ?? (this.#split.has(value) ? this.#cut(value) : this.#now(value));
  }

  /** The block of an input. */
  #cut(value: Value): Value {
    const shape = this.#blockShape(value);
    const block = this.#inner.graph.input('input', `block of ${value.id}`, value.dtype, shape);
    this.#parts.set(value, block);
    this.#cuts.push({whole: this.#emit.reshape(this.#now(value), [this.#count, ...shape]), block});
    return block;
  }

  #blockShape({shape}: Value): number[] {
    return [shape[0]! / this.#count, ...shape.slice(1)];
  }

  #zeros({dtype, shape}: Value): Value {
    return this.#emit.expand(this.#emit.cast(this.#emit.scalar(0, 'int32'), dtype), shape);
  }

  /** What a product or a scattering starts from: what it is added to, with its factor. */
  #weighted(added: Value, {attributes, outputs}: GraphNode): Value {
    const [{dtype, shape}] = outputs as [Value];
    const {beta = {float: 1}} = attributes as {beta?: {float: number}};
    const whole = sameShape(added.shape, shape) ? added : this.#emit.expand(added, shape);
    if (beta.float === 1) return whole;
    return this.#emit.node('Mul', [whole, this.#emit.scalar(beta.float, 'float32')], dtype, shape);
  }
}
