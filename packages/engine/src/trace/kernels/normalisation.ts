import type {FusedBatchNormAttrs} from '@tensorflow/tfjs-core';
import {CHANNELS_LAST, type Emitter, inverse, type Traced, traced} from '../emitter.ts';
import type {Value} from '../graph.ts';
import {binary} from './binary.ts';
import {type KernelCall, type KernelMapping, kernel, number} from './kernel.ts';

/** scale * (x - mean) / sqrt(variance + epsilon) + offset. */
function batchNorm({emit, inputs, attrs}: KernelCall): Traced {
  const {x, mean, variance, offset, scale} = inputs;
  const {varianceEpsilon} = attrs as FusedBatchNormAttrs;
  const channels = x!.shape.at(-1)!;
  const perChannel = [mean, variance, offset, scale].every((t) => t === undefined || t.shape.length === 1);
  if (perChannel && x!.shape.length === 4 && x!.shape.every((size) => size > 0)) {
    const list = (t: Traced | undefined, fallback: number): Value =>
      emit.expand(t === undefined ? emit.scalar(fallback, 'float32') : emit.full(t, 'float32'), [channels]);
    const images = emit.permuted(x!, inverse(CHANNELS_LAST), 'float32');
    const operands = [images, list(scale, 1), list(offset, 0), list(mean, 0), list(variance, 1)];
    const attributes = {epsilon: {float: varianceEpsilon}};
    return traced(
      emit.transpose(emit.node('BatchNormalization', operands, 'float32', images.shape, attributes), CHANNELS_LAST),
      'float32',
    );
  }
  const spread = root(emit, binary(emit, 'Add', variance!, number(emit, varianceEpsilon)));
  let y = binary(emit, 'Div', binary(emit, 'Sub', x!, mean!), spread);
  if (scale !== undefined) y = binary(emit, 'Mul', y, scale);
  return offset === undefined ? y : binary(emit, 'Add', y, offset);
}

const root = (emit: Emitter, x: Traced): Traced => emit.elementwise('Sqrt', [x], 'float32', 'float32');

/** Normalisation by given statistics. */
export const normalisationKernels: readonly KernelMapping[] = [
  kernel('FusedBatchNorm', 'BatchNormalization; Sub, Div, Mul, Add', batchNorm),
];
