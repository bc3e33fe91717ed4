import {sizeOf} from '@accrete/kit';
import type {
  Conv2DAttrs,
  Conv2DBackpropFilterAttrs,
  Conv2DBackpropInputAttrs,
  DepthwiseConv2dNativeAttrs,
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropInputAttrs,
  FusedConv2DAttrs,
} from '@tensorflow/tfjs-core';
import {backend_util} from '@tensorflow/tfjs-core';
import type {Emitter, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {activated} from './activation.ts';
import {binary} from './binary.ts';
import {filterGradient} from './filter-gradient.ts';
import {type KernelCall, type KernelMapping, kernel} from './kernel.ts';
import {imagesIn, imagesOut, isEmpty, type Slide, slides, type WindowInfo, windowAttributes} from './window.ts';

/** What the attributes of all convolutions have in common. */
type Attrs = Pick<Conv2DAttrs, 'strides' | 'pad'> &
  Partial<Pick<Conv2DAttrs, 'dilations' | 'dataFormat' | 'dimRoundingMode'>>;

function convInfo(image: readonly number[], filter: readonly number[], attrs: Attrs, depthwise: boolean): WindowInfo {
  return backend_util.computeConv2DInfo(
    image as [number, number, number, number],
    filter as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    depthwise,
    backend_util.convertConv2DDataFormat(attrs.dataFormat ?? 'NHWC'),
  );
}

/** A filter [height, width, in, out] as ONNX takes it, [out, in, height, width]; of a depthwise one, [in * out, 1, ...]. */
function filterIn(emit: Emitter, filter: Traced, info: WindowInfo, depthwise: boolean): Value {
  const {filterHeight, filterWidth, outChannels} = info;
  if (!depthwise) return emit.permuted(filter, [3, 2, 0, 1], 'float32');
  return emit.reshape(emit.permuted(filter, [2, 3, 0, 1], 'float32'), [outChannels, 1, filterHeight, filterWidth]);
}

/** Zeros of a shape: what a convolution over nothing yields. */
function zeros(emit: Emitter, shape: readonly number[]): Traced {
  return traced(emit.scalar(0, 'float32'), 'float32', shape);
}

function forward(emit: Emitter, x: Traced, filter: Traced, attrs: Attrs, depthwise: boolean): Traced {
  const info = convInfo(x.shape, filter.shape, attrs, depthwise);
  if (isEmpty(x.shape, filter.shape, info.outShape)) return zeros(emit, info.outShape);
  const operands = [imagesIn(emit, x, info, 'float32'), filterIn(emit, filter, info, depthwise)];
  const attributes = {...windowAttributes(slides(info)), group: depthwise ? info.inChannels : 1};
  const shape = [info.batchSize, info.outChannels, info.outHeight, info.outWidth];
  return traced(imagesOut(emit, emit.node('Conv', operands, 'float32', shape, attributes), info), 'float32');
}

/** True where sliding the turned filter over the gradient is the gradient of the images. */
function turnable([h, w]: readonly [Slide, Slide]): boolean {
  return [h, w].every(
    ({stride, window, dilation, before, input, output}) =>
      stride === 1 &&
      (window - 1) * dilation >= before &&
      input - output + before <= (window - 1) * dilation &&
      input - output + before >= 0,
  );
}

/** The gradient of the images. */
function inputGradient(emit: Emitter, dy: Traced, filter: Traced, info: WindowInfo, depthwise: boolean): Traced {
  if (isEmpty(dy.shape, filter.shape, info.inShape)) return zeros(emit, info.inShape);
  const [h, w] = slides(info);
  const gradient = imagesIn(emit, dy, info, 'float32');
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
  const dilations = [h.dilation, w.dilation];
  const size = {kernel_shape: [h.window, w.window], dilations};
  // With many more channels coming in than going out, the other way below is the faster one.
  if (!depthwise && turnable([h, w]) && info.outChannels < 2 * info.inChannels) {
    // Filter [height, width, in, out], turned by half a turn, takes `out` to `in`.
    const turned = emit.reversed(emit.full(filter, 'float32'), [0, 1]);
    const swapped = emit.transpose(turned, [2, 3, 0, 1]);
    const before = [h, w].map((s) => (s.window - 1) * s.dilation - s.before);
    const after = [h, w].map((s, i) => s.input - s.output + (s.window - 1) * s.dilation - before[i]!);
    const attributes = {...size, strides: [1, 1], pads: [...before, ...after]};
    return traced(
      imagesOut(emit, emit.node('Conv', [gradient, swapped], 'float32', shape, attributes), info),
      'float32',
    );
  }
  const reach = (s: Slide): number => (s.output - 1) * s.stride + (s.window - 1) * s.dilation + 1;
  // What the windows do not reach at the end is added; what they reach beyond it is cut off.
  const beyond = [h, w].map((s) => reach(s) - s.input - s.before);
  const attributes = {
    ...size,
    strides: [h.stride, w.stride],
    pads: [h.before, w.before, ...beyond.map((n) => Math.max(0, n))],
    output_padding: beyond.map((n) => Math.max(0, -n)),
    group: depthwise ? info.inChannels : 1,
  };
  const operands = [gradient, filterIn(emit, filter, info, depthwise)];
  return traced(imagesOut(emit, emit.node('ConvTranspose', operands, 'float32', shape, attributes), info), 'float32');
}

function fused(depthwise: boolean): KernelMapping['map'] {
  return ({emit, inputs, attrs}: KernelCall): Traced => {
    const {activation, leakyreluAlpha, ...rest} = attrs as FusedConv2DAttrs;
    const {x, filter, bias, preluActivationWeights: alpha} = inputs;
    let y = forward(emit, x!, filter!, rest, depthwise);
    const first = rest.dataFormat === 'NCHW';
    // Where channels come first, a list of one number per channel lies along the second axis.
    const along = (list: Traced): Traced =>
      first && list.shape.length === 1 && sizeOf(list.shape) > 1 ? emit.reshaped(list, [...list.shape, 1, 1]) : list;
    if (bias !== undefined) y = binary(emit, 'Add', y, along(bias));
    return activated(emit, activation, y, alpha === undefined ? undefined : along(alpha), leakyreluAlpha);
  };
}

/** Convolutions and their gradients. */
export const convolutionKernels: readonly KernelMapping[] = [
  kernel('Conv2D', 'Conv', ({emit, inputs, attrs}) =>
    forward(emit, inputs['x']!, inputs['filter']!, attrs as Conv2DAttrs, false),
  ),
  kernel('FusedConv2D', 'Conv', fused(false)),
  kernel('Conv2DBackpropInput', 'Conv, ConvTranspose', ({emit, inputs, attrs}) => {
    const [dy, filter] = [inputs['dy']!, inputs['filter']!];
    const {inputShape, ...rest} = attrs as Conv2DBackpropInputAttrs;
    return inputGradient(emit, dy, filter, convInfo(inputShape, filter.shape, rest, false), false);
  }),
  kernel('Conv2DBackpropFilter', 'Pad, Slice, FusedMatMul, ReduceSum', ({emit, inputs, attrs}) => {
    const [x, dy] = [inputs['x']!, inputs['dy']!];
    const {filterShape, ...rest} = attrs as Conv2DBackpropFilterAttrs;
    const info = convInfo(x.shape, filterShape, rest, false);
    return isEmpty(x.shape, dy.shape, filterShape)
      ? zeros(emit, filterShape)
      : filterGradient(emit, x, dy, info, filterShape, false);
  }),
  kernel('DepthwiseConv2dNative', 'Conv', ({emit, inputs, attrs}) =>
    forward(emit, inputs['x']!, inputs['filter']!, attrs as DepthwiseConv2dNativeAttrs, true),
  ),
  kernel('FusedDepthwiseConv2D', 'Conv', fused(true)),
  kernel('DepthwiseConv2dNativeBackpropInput', 'ConvTranspose', ({emit, inputs, attrs}) => {
    const [dy, filter] = [inputs['dy']!, inputs['filter']!];
    const {inputShape, ...rest} = attrs as DepthwiseConv2dNativeBackpropInputAttrs;
    return inputGradient(emit, dy, filter, convInfo(inputShape, filter.shape, rest, true), true);
  }),
  kernel('DepthwiseConv2dNativeBackpropFilter', 'Pad, Slice, FusedMatMul, ReduceSum', ({emit, inputs, attrs}) => {
    const [x, dy] = [inputs['x']!, inputs['dy']!];
    const {filterShape, ...rest} = attrs as DepthwiseConv2dNativeBackpropFilterAttrs;
    const info = convInfo(x.shape, filterShape, rest, true);
    return isEmpty(x.shape, dy.shape, filterShape)
      ? zeros(emit, filterShape)
      : filterGradient(emit, x, dy, info, filterShape, true);
  }),
];
