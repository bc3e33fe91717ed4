import type {Emitter, Traced} from '../emitter.ts';
import {unmapped} from '../refusal.ts';
import {binaryKernels} from './binary.ts';
import {unaryKernels} from './unary.ts';

const kernels: Readonly<Record<string, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};

/**
 * The activation of a fused kernel, by the name that tfjs gives it.
 *
 * @param weights of prelu; @param slope of leakyrelu.
 */
export function activated(
  emit: Emitter,
  activation: string | null | undefined,
  x: Traced,
  weights: Traced | undefined,
  slope: number | undefined,
): Traced {
  if (activation === undefined || activation === null || activation === 'linear') return x;
  const mapping = [...unaryKernels, ...binaryKernels].find(({kernel}) => kernel === kernels[activation]);
  if (mapping === undefined) throw unmapped(`a fused kernel with activation ${activation}`);
  const inputs = weights === undefined ? {x} : {x, alpha: weights};
  return mapping.map({emit, inputs, attrs: {alpha: slope}}) as Traced;
}
