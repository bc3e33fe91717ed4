import {sizeOf} from '@accrete/kit';
import type {Emitter, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {imagesIn, padded, type Slide, slides, view, type WindowInfo} from './window.ts';

/**
 * The gradient of a filter [height, width, in, out], or [height, width, in, multiplier] of a depthwise convolution: for each
 * of its cells, the product of what that cell saw with the gradient of what came out, summed over pixels and images.
 *
 * No patches are laid out; each cell has a view of the padded images. Either one product per image, summed after; or, where
 * there are fewer pixels than outputs and the products would outgrow the views, one product over all pixels of the batch.
 */
export function filterGradient(
  emit: Emitter,
  x: Traced,
  dy: Traced,
  info: WindowInfo,
  filterShape: readonly number[],
  depthwise: boolean,
): Traced {
  const both = slides(info);
  const images = padded(emit, imagesIn(emit, x, info, 'float32'), both); // [n, in, ...]
  const gradient = imagesIn(emit, dy, info, 'float32'); // [n, out, ...]
  const pixels = info.outHeight * info.outWidth;
  if (depthwise) return traced(emit.reshape(byChannel(emit, images, gradient, both), filterShape), 'float32');
  const merged = info.batchSize > 1 && pixels <= info.outChannels;
  const result = (merged ? byBatch : byImage)(emit, images, gradient, both);
  return traced(emit.reshape(result, filterShape), 'float32');
}

type Slides = readonly [Slide, Slide];

function views(emit: Emitter, images: Value, both: Slides): Value[] {
  const [h, w] = both;
  return Array.from({length: h.window * w.window}, (_, i) =>
    view(emit, images, both, Math.floor(i / w.window), i % w.window),
  );
}

function concat(emit: Emitter, values: readonly Value[], axis: number): Value {
  const [first] = values as [Value];
  if (values.length === 1) return first;
  const shape = first.shape.map((size, i) => (i === axis ? size * values.length : size));
  return emit.node('Concat', values, first.dtype, shape, {axis});
}

/** a times b transposed in its last two axes, summed over the first axis. */
function summedProduct(emit: Emitter, a: Value, b: Value): Value {
  const shape = [...a.shape.slice(0, -1), b.shape.at(-2)!];
  const product = emit.node('FusedMatMul', [a, b], 'float32', shape, {transA: 0, transB: 1}, 'com.microsoft');
  if (shape[0] === 1) return emit.reshape(product, shape.slice(1));
  return emit.node('ReduceSum', [product, emit.ints([0])], 'float32', shape.slice(1), {keepdims: 0});
}

/** @returns [cells, in, out] */
function byImage(emit: Emitter, images: Value, gradient: Value, both: Slides): Value {
  const [n, out] = gradient.shape as [number, number];
  const inputs = images.shape[1]!;
  const pixels = sizeOf(gradient.shape.slice(2));
  const right = emit.reshape(gradient, [n, out, pixels]);
  const cells = views(emit, images, both).map((cell) => {
    const left = emit.reshape(cell, [n, inputs, pixels]);
    return emit.reshape(summedProduct(emit, left, right), [1, inputs, out]);
  });
  return concat(emit, cells, 0);
}

/** @returns [cells * in, out] */
function byBatch(emit: Emitter, images: Value, gradient: Value, both: Slides): Value {
  const [n, out] = gradient.shape as [number, number];
  const inputs = images.shape[1]!;
  const pixels = n * sizeOf(gradient.shape.slice(2));
  const swap = [1, 0, 2, 3];
  const cells = views(emit, emit.transpose(images, swap), both).map((cell) => emit.reshape(cell, [inputs, pixels]));
  const left = concat(emit, cells, 0);
  const right = emit.reshape(emit.transpose(gradient, swap), [out, pixels]);
  return emit.node('Gemm', [left, right], 'float32', [left.shape[0]!, out], {transB: 1});
}

/** @returns [cells, in, multiplier] */
function byChannel(emit: Emitter, images: Value, gradient: Value, both: Slides): Value {
  const [n, out] = gradient.shape as [number, number];
  const inputs = images.shape[1]!;
  const pixels = sizeOf(gradient.shape.slice(2));
  const cells = views(emit, images, both).map((cell) => emit.reshape(cell, [n, inputs, 1, pixels]));
  const right = emit.reshape(gradient, [n, inputs, out / inputs, pixels]);
  return emit.transpose(summedProduct(emit, concat(emit, cells, 2), right), [1, 0, 2]);
}
