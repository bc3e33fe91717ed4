import {sizeOf} from '@accrete/kit';
import type {backend_util} from '@tensorflow/tfjs-core';
import {CHANNELS_LAST, type Emitter, inverse, type Traced} from '../emitter.ts';
import type {ElementType, Value} from '../graph.ts';

/** The shapes of a convolution or pooling as tfjs works them out. */
export type WindowInfo = backend_util.Conv2DInfo;

/** One axis of a window that slides over an image. */
export interface Slide {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  /** Elements put in front, and behind so that the last window just fits. */
  readonly before: number;
  readonly after: number;
}

/** Height and width of a sliding window. */
export function slides(info: WindowInfo): readonly [Slide, Slide] {
  const axis = (
    input: number,
    output: number,
    window: number,
    stride: number,
    dilation: number,
    before: number,
  ): Slide => {
    const reach = (output - 1) * stride + (window - 1) * dilation + 1;
    return {input, output, window, stride, dilation, before, after: Math.max(0, reach - input - before)};
  };
  const {padInfo} = info;
  return [
    axis(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.dilationHeight, padInfo.top),
    axis(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.dilationWidth, padInfo.left),
  ];
}

/** The attributes that ONNX's Conv and pooling share. */
export function windowAttributes([h, w]: readonly [Slide, Slide], dilated = true): Record<string, readonly number[]> {
  return {
    kernel_shape: [h.window, w.window],
    strides: [h.stride, w.stride],
    pads: [h.before, w.before, h.after, w.after],
    ...(dilated ? {dilations: [h.dilation, w.dilation]} : {}),
  };
}

/** Images as ONNX takes them: channels second. */
export function imagesIn(emit: Emitter, x: Traced, info: WindowInfo, dtype: ElementType = x.dtype): Value {
  return info.dataFormat === 'channelsLast' ? emit.permuted(x, inverse(CHANNELS_LAST), dtype) : emit.full(x, dtype);
}

/** Images from ONNX's layout back to that of the tfjs call. */
export function imagesOut(emit: Emitter, value: Value, info: WindowInfo): Value {
  return info.dataFormat === 'channelsLast' ? emit.transpose(value, CHANNELS_LAST) : value;
}

/** Images with zeros around, so that every window lies inside. */
export function padded(emit: Emitter, x: Value, [h, w]: readonly [Slide, Slide]): Value {
  if (h.before + h.after + w.before + w.after === 0) return x;
  const [n, c] = x.shape as [number, number];
  const shape = [n, c, h.before + h.input + h.after, w.before + w.input + w.after];
  const pads = emit.ints([0, 0, h.before, w.before, 0, 0, h.after, w.after]);
  return emit.node('Pad', [x, pads, emit.scalar(0, 'float32')], x.dtype, shape);
}

/** What the element (row, column) of the window sees: of padded images, one pixel per output. */
export function view(emit: Emitter, x: Value, [h, w]: readonly [Slide, Slide], row: number, column: number): Value {
  const [n, c, height, width] = x.shape as [number, number, number, number];
  if (h.output === height && w.output === width) return x;
  const starts = [row * h.dilation, column * w.dilation];
  const ends = [starts[0]! + (h.output - 1) * h.stride + 1, starts[1]! + (w.output - 1) * w.stride + 1];
  const ranges = [starts, ends, [2, 3], [h.stride, w.stride]].map((list) => emit.ints(list));
  return emit.node('Slice', [x, ...ranges], x.dtype, [n, c, h.output, w.output]);
}

/** True where an image batch, a filter or a result has no elements. */
export function isEmpty(...shapes: readonly (readonly number[])[]): boolean {
  return shapes.some((shape) => sizeOf(shape) === 0);
}
