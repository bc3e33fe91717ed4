import Pbf from 'pbf';
import type {Attribute, ElementType} from '../trace/graph.ts';

// The few messages of onnx.proto that a graph needs, each written field by field. Names are those of the format.

/** Numbers of TensorProto.DataType. */
export const dataTypes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

export interface TensorProto {
  readonly name: string;
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  /** Little-endian, row-major. */
  readonly rawData: Uint8Array;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly dtype: ElementType;
  /** Null for a sequence of tensors of that element type. */
  readonly dims: readonly number[] | null;
}

export interface NodeProto {
  readonly opType: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** `to` of Cast is given as an element type's name. */
  readonly attribute: Readonly<Record<string, Attribute>>;
  /** The attribute `body`, where the operator has one. */
  readonly body?: GraphProto | undefined;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export interface ModelProto {
  readonly irVersion: number;
  /** Version of the operators by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: GraphProto;
}

/** The bytes of a model. */
export function encodeModel(model: ModelProto): Uint8Array {
  const pbf = new Pbf();
  pbf.writeVarintField(1, model.irVersion);
  pbf.writeStringField(2, 'accrete');
  pbf.writeMessage(7, writeGraph, model.graph);
  for (const opset of Object.entries(model.opsets)) pbf.writeMessage(8, writeOpset, opset);
  return pbf.finish();
}

function writeOpset([domain, version]: readonly [string, number], pbf: Pbf): void {
  pbf.writeStringField(1, domain);
  pbf.writeVarintField(2, version);
}

function writeGraph(graph: GraphProto, pbf: Pbf): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const tensor of graph.initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const value of graph.inputs) pbf.writeMessage(11, writeValueInfo, value);
  for (const value of graph.outputs) pbf.writeMessage(12, writeValueInfo, value);
}

function writeNode(node: NodeProto, pbf: Pbf): void {
  for (const name of node.input) pbf.writeStringField(1, name);
  for (const name of node.output) pbf.writeStringField(2, name);
  pbf.writeStringField(4, node.opType);
  for (const attribute of Object.entries(node.attribute)) pbf.writeMessage(5, writeAttribute, attribute);
  if (node.body !== undefined) pbf.writeMessage(5, writeBody, node.body);
  pbf.writeStringField(7, node.domain);
}

function writeBody(body: GraphProto, pbf: Pbf): void {
  const GRAPH = 5;
  pbf.writeStringField(1, 'body');
  pbf.writeMessage(6, writeGraph, body);
  pbf.writeVarintField(20, GRAPH);
}

function writeAttribute([name, value]: readonly [string, Attribute], pbf: Pbf): void {
  const [FLOAT, INT, STRING, INTS] = [1, 2, 3, 7];
  pbf.writeStringField(1, name);
  if (name === 'to') {
    pbf.writeVarintField(3, dataTypes[value as ElementType]);
    pbf.writeVarintField(20, INT);
  } else if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, INT);
  } else if (typeof value === 'string') {
    pbf.writeStringField(4, value);
    pbf.writeVarintField(20, STRING);
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, FLOAT);
  } else {
    for (const item of value) pbf.writeVarintField(8, item);
    pbf.writeVarintField(20, INTS);
  }
}

function writeTensor(tensor: TensorProto, pbf: Pbf): void {
  for (const dim of tensor.dims) pbf.writeVarintField(1, dim);
  pbf.writeVarintField(2, dataTypes[tensor.dtype]);
  pbf.writeStringField(8, tensor.name);
  pbf.writeBytesField(9, tensor.rawData);
}

function writeValueInfo(value: ValueInfoProto, pbf: Pbf): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(2, value.dims === null ? writeSequenceType : writeType, value);
}

function writeSequenceType(value: ValueInfoProto, pbf: Pbf): void {
  pbf.writeMessage(4, writeItemType, value);
}

function writeItemType(value: ValueInfoProto, pbf: Pbf): void {
  pbf.writeMessage(1, writeType, value);
}

function writeType(value: ValueInfoProto, pbf: Pbf): void {
  pbf.writeMessage(1, writeTensorType, value);
}

function writeTensorType({dtype, dims}: ValueInfoProto, pbf: Pbf): void {
  pbf.writeVarintField(1, dataTypes[dtype]);
  if (dims !== null) pbf.writeMessage(2, writeShape, dims);
}

function writeShape(dims: readonly number[], pbf: Pbf): void {
  for (const dim of dims) pbf.writeMessage(1, writeDimension, dim);
}

function writeDimension(dim: number, pbf: Pbf): void {
  pbf.writeVarintField(1, dim);
}
