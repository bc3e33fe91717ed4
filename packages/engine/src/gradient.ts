import {customGrad, type Tensor, zerosLike} from '@tensorflow/tfjs-core';
import './tfjs-gradients.ts';

/** The tensor as it is, a constant to gradients: none flows back through it. */
export function stopGradient<T extends Tensor>(x: T): T {
  return customGrad((value) => ({
    value: (value as T).clone(),
    gradFunc: (dy) => zerosLike(dy as Tensor),
  }))(x) as T;
}

/**
 * The value of `hard` with the gradient of `soft`: for steps such as rounding or choosing, whose own gradient is zero.
 *
 * @param hard no gradient flows back through it.
 * @param soft of the same shape.
 */
export function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  const pass = customGrad((...args) => ({
    value: (args[0] as Tensor).clone(),
    gradFunc: (dy) => [zerosLike(dy as Tensor), dy as Tensor],
  }));
  return pass(hard, soft);
}
