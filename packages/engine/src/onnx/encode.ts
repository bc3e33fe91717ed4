import type {Body, Graph, GraphNode, Value} from '../trace/graph.ts';
import {encodeModel, type GraphProto, type NodeProto, type ValueInfoProto} from './proto.ts';
import {leadingOutput} from './session.ts';

/** The version of the file format, and of the standard operators that the kernel mappings are written for. */
const IR_VERSION = 8;
const OPSET = 17;

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
    else copies.push(copyOf(names.get(value)!, outputName(output)));
  }
  const nameOf = (value: Value): string => names.get(value) ?? `v${value.id}`;
  return encodeModel({
    irVersion: IR_VERSION,
    opsets: {'': OPSET, 'com.microsoft': 1},
    graph: {
      name,
      nodes: [
        ...graph.nodes.map((node) => encodeNode(node, nameOf)),
        ...copies,
        {opType: 'SequenceEmpty', domain: '', input: [], output: [leadingOutput], attribute: {}},
      ],
      initializers: graph.constants.map((value) => ({...info(value, nameOf(value)), rawData: contents(value)})),
      inputs: graph.inputs.map((value) => info(value, nameOf(value))),
      outputs: [
        {name: leadingOutput, dtype: 'float32', dims: null},
        ...Object.entries(graph.outputs).map(([output, value]) => info(value, outputName(output))),
      ],
    },
  });
}

function encodeNode({op, domain, inputs, outputs, attributes, body}: GraphNode, nameOf: Namer): NodeProto {
  return {
    opType: op,
    domain,
    input: inputs.map(nameOf),
    output: outputs.map(nameOf),
    attribute: attributes,
    body: body && encodeBody(body, nameOf),
  };
}

/** Outputs bear names of their own, as one may be an input, too. */
function encodeBody({inputs, nodes, outputs}: Body, around: Namer): GraphProto {
  const own = new Map(inputs.map((value) => [value, `v${value.id}`]));
  const nameOf = (value: Value): string => own.get(value) ?? around(value);
  const named = outputs.map((value) => ({value, name: `${nameOf(value)}/out`}));
  return {
    name: 'block',
    nodes: [
      ...nodes.map((node) => encodeNode(node, nameOf)),
      ...named.map(({value, name}) => copyOf(nameOf(value), name)),
    ],
    initializers: [],
    inputs: inputs.map((value) => info(value, nameOf(value))),
    outputs: named.map(({value, name}) => info(value, name)),
  };
}

/** What a value is called in the file. */
type Namer = (value: Value) => string;

function copyOf(input: string, output: string): NodeProto {
  return {opType: 'Identity', domain: '', input: [input], output: [output], attribute: {}};
}

function info({dtype, shape}: Value, name: string): ValueInfoProto & {readonly dims: readonly number[]} {
  return {name, dtype, dims: shape};
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
