import {type ArraySpec, type HostArray, hostArray, zeros} from '@accrete/kit';
import {encodeGraph, inputName, outputName} from '../../src/onnx/encode.ts';
import {loadOnnx} from '../../src/onnx/onnx-runtime.ts';
import type {Graph} from '../../src/trace/graph.ts';

/** Runs a graph once in ONNX Runtime. @returns its outputs by name. */
export async function runGraph(
  graph: Graph,
  inputs: Readonly<Record<string, HostArray>>,
): Promise<Record<string, HostArray>> {
  const ort = await loadOnnx();
  const session = await ort.InferenceSession.create(encodeGraph(graph, 'test'), {logSeverityLevel: 3});
  const tensor = ({data, shape, dtype}: HostArray) => new ort.Tensor(dtype, data as never, shape);
  const feeds = Object.fromEntries(
    graph.inputs.flatMap((value) =>
      'name' in value.origin ? [[inputName(value), tensor(inputs[value.origin.name]!)]] : [],
    ),
  );
  const specs = Object.entries(graph.outputs).map(
    ([name, {shape, dtype}]) => [name, {shape, dtype} as ArraySpec] as const,
  );
  const fetches = Object.fromEntries(
    specs.map(([name, {shape, dtype}]) => [outputName(name), tensor(zeros(shape, dtype))]),
  );
  await session.run(feeds, fetches);
  await session.release();
  return Object.fromEntries(
    specs.map(([name, {shape, dtype}]) => [name, hostArray(fetches[outputName(name)]!.data as never, shape, dtype)]),
  );
}
