import type {Graph, GraphNode, Value} from '../trace/graph.ts';
import {encodeModel, type NodeProto, type ValueInfoProto} from './proto.ts';

/** The version of the file format, and of the standard operators that the kernel mappings are written for. */
const IR_VERSION = 8;
const OPSET = 17;

/** What the first output of every file is called: an empty sequence, see `OnnxExecutable`. */
export const leadingOutput = 'empty';

/**
 * A graph as an ONNX file, in which `inputName` and `outputName` say what inputs and outputs are called. An output more,
 * `leadingOutput`, comes before all others.
 */
export function encodeGraph(graph: Graph, name: string): Uint8Array {
  const names = new Map<Value, string>();
  for (const value of graph.inputs) names.set(value, inputName(value));
  for (const value of graph.constants) names.set(value, `c${value.id}`);
  const copies: NodeProto[] = [];
  for (const [output, value] of Object.entries(graph.outputs)) {
    // An output bears its own name; what is an input, a constant or another output already is copied.
    if (value.origin.kind === 'node' && !names.has(value)) names.set(value, outputName(output));
    else {
      const input = names.get(value)!;
      copies.push({opType: 'Identity', domain: '', input: [input], output: [outputName(output)], attribute: {}});
    }
  }
  const nameOf = (value: Value): string => names.get(value) ?? `v${value.id}`;
  const node = ({op, domain, inputs, outputs, attributes}: GraphNode): NodeProto => ({
    opType: op,
    domain,
    input: inputs.map(nameOf),
    output: outputs.map(nameOf),
    attribute: attributes,
  });
  const info = (value: Value, as: string) =>
    ({name: as, dtype: value.dtype, dims: value.shape}) satisfies ValueInfoProto;
  return encodeModel({
    irVersion: IR_VERSION,
    opsets: {'': OPSET, 'com.microsoft': 1},
    graphName: name,
    nodes: [
      ...graph.nodes.map(node),
      ...copies,
      {opType: 'SequenceEmpty', domain: '', input: [], output: [leadingOutput], attribute: {}},
    ],
    initializers: graph.constants.map((value) => ({
      ...info(value, nameOf(value)),
      rawData: contents(value),
    })),
    inputs: graph.inputs.map((value) => info(value, nameOf(value))),
    outputs: [
      {name: leadingOutput, dtype: 'float32', dims: null},
      ...Object.entries(graph.outputs).map(([output, value]) => info(value, outputName(output))),
    ],
  });
}

/** What an input or noise is called in the file. */
export function inputName({origin}: Value): string {
  return `${origin.kind}/${'name' in origin ? origin.name : ''}`;
}

/** What an output is called in the file. */
export function outputName(name: string): string {
  return `output/${name}`;
}

function contents({origin}: Value): Uint8Array {
  if (origin.kind !== 'constant') throw new TypeError('only constants have contents');
  return new Uint8Array(origin.data.buffer, origin.data.byteOffset, origin.data.byteLength);
}
