import {Emitter, sameShape} from '../emitter.ts';
import {GraphBuilder, type GraphNode, type Result, type Value} from '../graph.ts';

/** A sum over blocks: of what, by which node, and what it is before and after a block. */
interface Sum {
  readonly of: Value;
  readonly node: GraphNode;
  readonly before: Value;
  readonly after: Value;
}

/** Where a sum over blocks starts, as a value of the new graph: what a product or a scattering is added to, with its factor. */
export function startOfSum(node: GraphNode, emit: Emitter, now: (value: Value) => Value): Value | undefined {
  const {attributes, outputs} = node;
  const into = INTO[node.op];
  const added = into === undefined ? undefined : node.inputs[into];
  if (added === undefined) return undefined;
  const [{dtype, shape}] = outputs as [Value];
  const {beta = {float: 1}} = attributes as {beta?: {float: number}};
  const whole = sameShape(added.shape, shape) ? now(added) : emit.expand(now(added), shape);
  return beta.float === 1 ? whole : emit.node('Mul', [whole, emit.scalar(beta.float, 'float32')], dtype, shape);
}

/** Which input of an operation its result is added to. */
const INTO: Readonly<Record<string, number>> = {Gemm: 2, ScatterElements: 0};

/** Builds the Scan that computes nodes block by block. Nodes and values that it is told of are those of the old graph. */
export class BlockBuilder {
  readonly #emit: Emitter;
  readonly #inner: Emitter;
  readonly #now: (value: Value) => Value;
  readonly #count: number;
  readonly #lanes: number;
  readonly #split: ReadonlySet<Value>;
  /** Values of one block by what they are a block of. */
  readonly #parts = new Map<Value, Value>();
  readonly #sums: Sum[] = [];
  /** Inputs in blocks, of the Scan and of its body. */
  readonly #cuts: {readonly whole: Value; readonly block: Value}[] = [];

  /**
   * @param emit the new graph.
   * @param now what a value is there.
   * @param split what is cut into `count` blocks.
   * @param lanes 1; more where the new graph sees one of so many parts of what is split, and computes the blocks of that part.
   */
  constructor(emit: Emitter, now: (value: Value) => Value, count: number, split: ReadonlySet<Value>, lanes = 1) {
    this.#emit = emit;
    this.#inner = new Emitter(new GraphBuilder(emit.graph));
    this.#now = now;
    this.#count = count;
    this.#lanes = lanes;
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
    const into = INTO[op];
    const before = this.#inner.graph.input('input', `sum of ${of.id}`, dtype, shape);
    const emit = this.#inner;
    const after =
      into === undefined
        ? emit.node('Add', [before, emit.node(op, inputs, dtype, shape, attributes, domain)], dtype, shape)
        : emit.node(op, inputs.toSpliced(into, 1, before), dtype, shape, {
            ...attributes,
            ...(op === 'Gemm' ? {beta: {float: 1}} : {}),
          });
    this.#sums.push({of, node, before, after});
  }

  /**
   * Appends the Scan. Sums start from what they are added to; in a lane, from 0.
   *
   * @param joined what is put together again.
   * @returns what the sums and those have become.
   */
  scan(joined: readonly Value[]): Map<Value, Value> {
    const emit = this.#emit;
    const [sums, cuts] = [this.#sums, this.#cuts];
    const parts = joined.map((value) => this.#part(value));
    const body = this.#inner.graph.finishBody(
      [...sums.map(({before}) => before), ...cuts.map(({block}) => block)],
      [...sums.map(({after}) => after), ...parts],
    );
    const start = ({of, node}: Sum): Value =>
      (this.#lanes === 1 ? startOfSum(node, emit, this.#now) : undefined) ?? this.#zeros(of);
    const inputs = [...sums.map(start), ...cuts.map(({whole}) => whole)];
    const results: Result[] = [
      ...sums.map(({of}) => of),
      ...parts.map(({dtype, shape}) => ({dtype, shape: [this.#length, ...shape]})),
    ];
    const made = emit.graph.scan(inputs, cuts.length, body, results);
    return new Map([
      ...sums.map(({of}, i) => [of, made[i]!] as const),
      ...joined.map((value, i) => [value, emit.reshape(made[sums.length + i]!, this.#partShape(value))] as const),
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
    this.#cuts.push({whole: this.#emit.reshape(this.#now(value), [this.#length, ...shape]), block});
    return block;
  }

  #blockShape({shape}: Value): number[] {
    return [shape[0]! / this.#count, ...shape.slice(1)];
  }

  /** How many blocks the Scan goes through. */
  get #length(): number {
    return this.#count / this.#lanes;
  }

  /** The shape of what the new graph sees of a value that is split. */
  #partShape({shape}: Value): number[] {
    return [shape[0]! / this.#lanes, ...shape.slice(1)];
  }

  #zeros({dtype, shape}: Value): Value {
    return this.#emit.expand(this.#emit.cast(this.#emit.scalar(0, 'int32'), dtype), shape);
  }
}
