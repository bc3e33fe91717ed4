import {customGrad, engine, type Scalar, type Tensor, tidy, zerosLike} from '@tensorflow/tfjs-core';
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

/**
 * The value of `harden(soft)` with the gradient of `soft`. What `harden` does leaves no trace on the tape, so it may sort and compare,
 * which have no gradient.
 */
export function hardened(soft: Tensor, harden: (soft: Tensor) => Tensor): Tensor {
  return customGrad((value) => ({value: harden(value as Tensor), gradFunc: (dy) => dy as Tensor}))(soft);
}

/**
 * Value and gradients of a scalar function, where not every argument need reach the value: those that do not have gradient 0.
 *
 * @param f of tensors, to a scalar.
 * @returns the gradients in the order of `xs`, each shaped like its argument. The caller owns all of them.
 */
export function valueAndGradients(
  f: (...xs: Tensor[]) => Scalar,
  xs: readonly Tensor[],
): {readonly value: Scalar; readonly grads: readonly Tensor[]} {
  return tidy(() => {
    const {value, grads} = engine().gradients(() => f(...xs), [...xs], undefined, true);
    return {value: value as Scalar, grads: xs.map((x, i) => (grads[i] as Tensor | undefined) ?? zerosLike(x))};
  });
}
