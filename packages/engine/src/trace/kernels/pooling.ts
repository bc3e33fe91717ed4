import {sizeOf} from '@accrete/kit';
import type {MaxPoolAttrs} from '@tensorflow/tfjs-core';
import {backend_util} from '@tensorflow/tfjs-core';
import type {Emitter, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {type KernelCall, type KernelMapping, kernel} from './kernel.ts';
import {imagesIn, imagesOut, isEmpty, type Slide, slides, type WindowInfo, windowAttributes} from './window.ts';

function poolInfo(image: readonly number[], attrs: object): WindowInfo {
  const {filterSize, strides, pad, dimRoundingMode} = attrs as MaxPoolAttrs;
  const shape = image as [number, number, number, number];
  return backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
}

const outer = (info: WindowInfo): [number, number] => [info.batchSize, info.inChannels];
const before = (info: WindowInfo): number[] => [...outer(info), info.inHeight, info.inWidth];
const after = (info: WindowInfo): number[] => [...outer(info), info.outHeight, info.outWidth];

function pool(op: string, attributes: Readonly<Record<string, number>> = {}): KernelMapping['map'] {
  return ({emit, inputs, attrs}: KernelCall): Traced => {
    const x = inputs['x']!;
    const info = poolInfo(x.shape, attrs);
    if (isEmpty(x.shape, info.outShape)) return traced(emit.scalar(0, 'float32'), x.dtype, info.outShape);
    const all = {...windowAttributes(slides(info), op === 'MaxPool'), ...attributes};
    const value = emit.node(op, [imagesIn(emit, x, info, 'float32')], 'float32', after(info), all);
    return traced(emit.cast(imagesOut(emit, value, info), x.dtype), x.dtype);
  };
}

/** The gradient goes to the first of the largest elements of each window. */
function maxPoolGradient({emit, inputs, attrs}: KernelCall): Traced {
  const [dy, x] = [inputs['dy']!, inputs['input']!];
  const info = poolInfo(x.shape, attrs);
  if (isEmpty(x.shape, dy.shape)) return traced(emit.scalar(0, 'float32'), 'float32', x.shape);
  const both = slides(info);
  const results = [
    {dtype: 'float32', shape: after(info)},
    {dtype: 'int64', shape: after(info)},
  ] as const;
  // Said explicitly, the order keeps this node apart from the one of the forward pass, which is faster without positions.
  const attributes = {...windowAttributes(both), storage_order: 0};
  const [, positions] = emit.graph.node('MaxPool', [imagesIn(emit, x, info, 'float32')], results, attributes);
  const gradient = imagesIn(emit, dy, info, 'float32');
  const value = both.every((s) => s.stride >= s.window && s.before + s.after === 0)
    ? unpooled(emit, gradient, positions!, info)
    : scattered(emit, gradient, positions!, info);
  return traced(imagesOut(emit, value, info), 'float32');
}

/** Windows apart and inside the image: every element belongs to one of them at most. */
function unpooled(emit: Emitter, gradient: Value, positions: Value, info: WindowInfo): Value {
  const attributes = {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
  };
  const shape = before(info);
  return emit.node('MaxUnpool', [gradient, positions, emit.ints(shape)], 'float32', shape, attributes);
}

/** Windows that overlap: what several of them give an element is added up. */
function scattered(emit: Emitter, gradient: Value, positions: Value, info: WindowInfo): Value {
  const [from, to] = [sizeOf(after(info)), sizeOf(before(info))];
  const zeros = emit.expand(emit.scalar(0, 'float32'), [to]);
  const operands = [zeros, emit.reshape(positions, [from]), emit.reshape(gradient, [from])];
  const flat = emit.node('ScatterElements', operands, 'float32', [to], {axis: 0, reduction: 'add'});
  return emit.reshape(flat, before(info));
}

/** Each element of the gradient, over the number of elements in its window, goes to all of these. */
function avgPoolGradient({emit, inputs, attrs}: KernelCall): Traced {
  const [dy, x] = [inputs['dy']!, inputs['input']!];
  const info = poolInfo(x.shape, attrs);
  if (isEmpty(x.shape, dy.shape)) return traced(emit.scalar(0, 'float32'), 'float32', x.shape);
  const both = slides(info);
  const [h, w] = both;
  const gradient = imagesIn(emit, dy, info, 'float32');
  const counts = emit.constant(windowCounts(both), 'float32', [h.output, w.output]);
  const share = emit.node('Div', [gradient, emit.thin(counts)], 'float32', after(info));
  const [n, c] = outer(info);
  let value: Value;
  if (both.every((s) => s.stride === s.window && s.before === 0 && s.input === s.output * s.window)) {
    const cells = emit.reshape(share, [n, c, h.output, 1, w.output, 1]);
    value = emit.reshape(emit.expand(cells, [n, c, h.output, h.window, w.output, w.window]), before(info));
  } else {
    const beyond = both.map((s) => (s.output - 1) * s.stride + s.window - s.input - s.before);
    const attributes = {
      kernel_shape: [h.window, w.window],
      strides: [h.stride, w.stride],
      pads: [h.before, w.before, ...beyond.map((size) => Math.max(0, size))],
      output_padding: beyond.map((size) => Math.max(0, -size)),
    };
    const ones = emit.expand(emit.scalar(1, 'float32'), [1, 1, h.window, w.window]);
    const channels = emit.reshape(share, [n * c, 1, h.output, w.output]);
    const shape = [n * c, 1, h.input, w.input];
    value = emit.reshape(emit.node('ConvTranspose', [channels, ones], 'float32', shape, attributes), before(info));
  }
  return traced(imagesOut(emit, value, info), 'float32');
}

/** How many elements each window holds; what lies outside the image does not count. */
function windowCounts([h, w]: readonly [Slide, Slide]): Float32Array {
  const inside = (s: Slide, at: number): number =>
    Math.min(s.input, at * s.stride - s.before + s.window) - Math.max(0, at * s.stride - s.before);
  return Float32Array.from(
    {length: h.output * w.output},
    (_, i) => inside(h, Math.floor(i / w.output)) * inside(w, i % w.output),
  );
}

/** Pooling and its gradients. */
export const poolingKernels: readonly KernelMapping[] = [
  kernel('MaxPool', 'MaxPool', pool('MaxPool')),
  kernel('MaxPoolGrad', 'MaxPool, MaxUnpool; ScatterElements', maxPoolGradient),
  kernel('AvgPool', 'AveragePool', pool('AveragePool', {count_include_pad: 0})),
  kernel('AvgPoolGrad', 'Div, Expand; ConvTranspose', avgPoolGradient),
];
