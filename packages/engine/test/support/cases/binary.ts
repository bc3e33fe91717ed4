import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {anyArray, arrays, shapes} from '../arrays.ts';
import {type Binary, binary, type KernelCase, near, run, samePair, ulp, wholes} from './case.ts';

/** Cases of the binary kernels. */
export const binaryCases: readonly KernelCase[] = [
  binary('Add', tf.add),
  binary('Sub', tf.sub),
  binary('Multiply', tf.mul, ['any', 'any'], {tolerance: near}),
  binary('Multiply', (a, b) => tf.mul(tf.mul(tf.ones([2, 1, 1]), a), tf.mul(b, tf.scalar(1))), ['any', 'any'], {
    label: 'by ones',
  }),
  binary('RealDiv', tf.div, ['any', 'positive'], {tolerance: near}),
  binary('Maximum', tf.maximum, ['any', 'any'], {inputs: samePair()}),
  binary('Minimum', tf.minimum, ['any', 'any'], {inputs: samePair()}),
  binary('Pow', tf.pow, ['positive', 'any'], {tolerance: near}),
  binary('SquaredDifference', tf.squaredDifference, ['any', 'any'], {inputs: samePair(), tolerance: ulp}),
  binary('Mod', tf.mod, ['any', 'positive'], {gradient: false, tolerance: ulp}),
  binary('Prelu', tf.prelu as Binary, ['any', 'any'], {inputs: samePair()}),
  binary('FloorDiv', (a, b) => tf.floorDiv(a, b), ['any', 'positive'], {gradient: false}),
  binary('AddN', (a, b) => tf.addN([a, b, a]), ['any', 'any'], {inputs: samePair()}),
  ...(['Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'] as const).flatMap((name) => {
    const fn = {
      Greater: tf.greater,
      GreaterEqual: tf.greaterEqual,
      Less: tf.less,
      LessEqual: tf.lessEqual,
      Equal: tf.equal,
      NotEqual: tf.notEqual,
    }[name] as Binary;
    return [binary(name, fn, ['whole', 'whole'], {gradient: false}), wholes(name, fn), wholes(name, fn, 'bool')];
  }),
  wholes('LogicalAnd', tf.logicalAnd, 'bool'),
  wholes('LogicalOr', tf.logicalOr, 'bool'),
  {...wholes('LogicalXor', (a, b) => run('LogicalXor', {a, b}), 'bool'), reference: (a, b) => tf.logicalXor(a!, b!)},
  {kernel: 'LogicalNot', inputs: anyArray('bit', 'bool'), fn: (x) => tf.logicalNot(x!)},
  wholes('Add', tf.add),
  wholes('Sub', tf.sub),
  wholes('Multiply', tf.mul),
  wholes('Maximum', tf.maximum),
  wholes('FloorDiv', tf.div),
  {...wholes('Add', (a, b) => tf.add(a, tf.cast(b, 'float32'))), label: 'int32 and float32'},
  {
    kernel: 'Select',
    inputs: shapes().chain((shape) => fc.tuple(arrays(shape, 'bit', 'bool'), arrays(shape), arrays([]))),
    fn: (c, a, b) => tf.where(c!, a!, b!),
  },
  {
    kernel: 'Select',
    label: 'gradient',
    inputs: samePair(),
    fn: (a, b) => {
      const above = tf.greater(a!, b!);
      return tf.grads((p, q) => tf.sum(tf.square(tf.where(above, tf.mul(p!, q!), q!))))([a!, b!]);
    },
    tolerance: near,
  },
];
