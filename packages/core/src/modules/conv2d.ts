import {define, type ParsedConfig} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {initializers} from '../parameters/initializers.ts';
import {inPlaceOf} from './in-place-of.ts';
import type {Computation} from './module.ts';

const window = {
  size: z.int().min(1).default(3).describe('height and width of the window, in pixels'),
  stride: z.int().min(1).default(1).describe('pixels from window to window'),
  padding: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('pixels of zeros on every side; null: (size - 1) / 2 rounded down'),
};

type Window = z.output<z.ZodObject<typeof window>>;

/**
 * A convolution over maps:
 *
 *   y[b, i, j, :] = sum_{u, v} h[b, i * stride + u - padding, j * stride + v - padding, :] W[u, v] + bias
 *
 * h [batch, height, width, inputs] -> [batch, floor((height + 2 padding - size) / stride) + 1, ..., units]. The kernel is
 * [size, size, inputs, units]; what lies outside of a map counts as 0.
 *
 * @param options.padding zeros on every side; null takes (size - 1) / 2 rounded down, which keeps the size of maps where the
 *   window is odd and the stride 1.
 *
 * Source: LeCun et al. 1989; numbers as in PyTorch nn.Conv2d, https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html.
 * Deviations: channels last.
 */
export const conv2d = define({
  kind: 'conv2d',
  summary: 'A two-dimensional convolution over maps, channels last.',
  source: {
    cite: 'LeCun et al. 1989; numbers as in PyTorch nn.Conv2d',
    url: 'https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html',
    deviations: ['channels last'],
  },
  options: {
    ...window,
    bias: z.boolean().default(true).describe('whether a bias is added'),
    initializer: initializers.schema.prefault({kind: 'torch-linear'}).describe('how the weights start'),
  },
  create: ({size, stride, padding, bias, initializer}): Computation => {
    const start = initializers.parse(initializer);
    const placed = inPlaceOf('conv2d', ['conv2d']);
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: initializer.kind === 'zeros',
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? otherMaps({size, stride, padding}, site.beside),
      parameters: ({inputs, units}) => {
        const fans = {fanIn: size * size * inputs, fanOut: size * size * units, initializer: start};
        const kernel = {shape: [size, size, inputs, units], ...fans};
        return bias ? {kernel, bias: {shape: [units], ...fans}} : {kernel};
      },
      run: ({h, parameters: {kernel, bias: shift}}) => {
        const y = tf.conv2d(h as tf.Tensor4D, kernel as tf.Tensor4D, stride, zerosAround({size, padding}));
        return shift === undefined ? y : tf.add(y, shift);
      },
    };
  },
});

/** A convolution beside another must put out maps of the same size. */
function otherMaps(own: Window, beside: ParsedConfig | null): string | null {
  if (beside === null) return null;
  const base = z.object(window).parse(beside);
  // floor((height + 2 padding - size) / stride) + 1 is the same for every height where both of these are.
  const same = own.stride === base.stride && growth(own) === growth(base);
  const said = (w: Window): string => `size ${w.size}, stride ${w.stride}, padding ${zerosAround(w)}`;
  return same ? null : `conv2d (${said(own)}) puts out maps of another size than the base (${said(base)})`;
}

function growth(of: Window): number {
  return 2 * zerosAround(of) - of.size;
}

function zerosAround({size, padding}: Pick<Window, 'size' | 'padding'>): number {
  return padding ?? Math.floor((size - 1) / 2);
}
