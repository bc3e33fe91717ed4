import type {HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {anyArray, arrays, broadcastPair, type Domain, shapes} from '../arrays.ts';
import type {Tolerance} from '../compare.ts';

/** A kernel under test: what calls it, on what, and whether its gradient is compared too. */
export interface KernelCase {
  readonly kernel: string;
  readonly label?: string;
  readonly inputs: fc.Arbitrary<HostArray[]>;
  readonly fn: (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Where the reference backend lacks the kernel: the same by other means. */
  readonly reference?: (...tensors: tf.Tensor[]) => tf.Tensor;
  readonly gradient?: boolean;
  readonly tolerance?: Partial<Tolerance>;
}

/** A function of one tensor. */
export type Unary = (x: tf.Tensor) => tf.Tensor;
/** A function of two tensors. */
export type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** A case of one float32 array, gradient included. */
export const unary = (
  kernel: string,
  fn: Unary,
  domain: Domain = 'any',
  more: Partial<KernelCase> = {},
): KernelCase => ({
  kernel,
  fn: fn as KernelCase['fn'],
  inputs: anyArray(domain),
  gradient: true,
  ...more,
});

/** A case of one int32 or bool array. */
export const whole = (kernel: string, fn: Unary, dtype: 'int32' | 'bool' = 'int32'): KernelCase => ({
  kernel,
  label: dtype,
  fn: fn as KernelCase['fn'],
  inputs: anyArray(dtype === 'bool' ? 'bit' : 'whole', dtype),
});

/** A case of two float32 arrays that broadcast, gradient included. */
export const binary = (
  kernel: string,
  fn: Binary,
  domains: readonly [Domain, Domain] = ['any', 'any'],
  more: Partial<KernelCase> = {},
): KernelCase => ({kernel, fn: fn as KernelCase['fn'], inputs: broadcastPair(domains), gradient: true, ...more});

/** A case of two int32 or bool arrays that broadcast. */
export const wholes = (kernel: string, fn: Binary, dtype: 'int32' | 'bool' = 'int32'): KernelCase => ({
  kernel,
  label: dtype,
  fn: fn as KernelCase['fn'],
  inputs:
    dtype === 'bool'
      ? broadcastPair(['bit', 'bit'], [dtype, dtype])
      : broadcastPair(['whole', 'whole'], [dtype, dtype]),
});

/** Calls a kernel by its name. */
export const run = (name: string, inputs: object, attrs: object = {}): tf.Tensor =>
  tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap);

/** For sums and products of many numbers. */
export const near: Partial<Tolerance> = {relative: 1e-4, absolute: 1e-5};
/** float32 cannot do better than one unit of 1 where a function subtracts from 1. */
export const ulp: Partial<Tolerance> = {absolute: 4e-7};

/** Two float32 arrays of one shape. */
export function samePair(): fc.Arbitrary<HostArray[]> {
  return shapes().chain((shape) => fc.tuple(arrays(shape), arrays(shape))) as fc.Arbitrary<HostArray[]>;
}
