import {upcastType} from '@tensorflow/tfjs-core';
import type {Emitter, TensorType, Traced} from '../emitter.ts';
import {broadcastShape, traced} from '../emitter.ts';
import {type KernelCall, type KernelMapping, kernel, number} from './kernel.ts';

const wider = (a: Traced, b: Traced): TensorType => upcastType(a.dtype, b.dtype) as TensorType;

/** The type in which numbers of a dtype are computed: there is no arithmetic on bool. */
const arithmetic = (dtype: TensorType): 'float32' | 'int32' => (dtype === 'bool' ? 'int32' : dtype);

/** `a op b` in the wider of the two types, which is also the type of the result. */
export function binary(emit: Emitter, op: string, a: Traced, b: Traced): Traced {
  const dtype = wider(a, b);
  return emit.elementwise(op, [a, b], arithmetic(dtype), dtype);
}

/** The comparison `a op b`: bool. */
export function compare(emit: Emitter, op: string, a: Traced, b: Traced): Traced {
  return emit.elementwise(op, [a, b], arithmetic(wider(a, b)), 'bool', {}, 'bool');
}

/** `condition ? a : b`, element by element, in the wider type of the two. */
export function select(emit: Emitter, condition: Traced, a: Traced, b: Traced): Traced {
  const dtype = wider(a, b);
  const type = arithmetic(dtype);
  const {values, restore} = emit.align([emit.thin(condition, 'bool'), emit.thin(a, type), emit.thin(b, type)]);
  const value = restore(emit.node('Where', values, type, broadcastShape(values.map(({shape}) => shape))));
  return traced(emit.cast(value, dtype), dtype, broadcastShape([condition.shape, a.shape, b.shape]));
}

function isOne({value}: Traced): boolean {
  const {origin, shape} = value;
  return origin.kind === 'constant' && shape.length === 0 && Number(origin.data[0]) === 1;
}

/** `x` where the other operand is 1: tfjs multiplies by ones to broadcast a gradient. */
function unchanged(emit: Emitter, x: Traced, one: Traced): Traced {
  const dtype = wider(x, one);
  return traced(emit.thin(x, dtype), dtype, broadcastShape([x.shape, one.shape]));
}

function multiply({emit, inputs}: KernelCall): Traced {
  const [a, b] = [inputs['a']!, inputs['b']!];
  if (isOne(a)) return unchanged(emit, b, a);
  if (isOne(b)) return unchanged(emit, a, b);
  return binary(emit, 'Mul', a, b);
}

/** Rounded down, 0 where an int32 is divided by 0; computed in float64, which holds every int32. Always int32 in tfjs. */
function floorDivide({emit, inputs}: KernelCall): Traced {
  const [a, b] = [inputs['a']!, inputs['b']!];
  const [top, bottom] = [emit.thin(a, 'float64'), emit.thin(b, 'float64')];
  const shape = broadcastShape([top.shape, bottom.shape]);
  const quotient = emit.node('Div', [top, bottom], 'float64', shape);
  const whole = emit.cast(emit.node('Floor', [quotient], 'float64', shape), 'int32');
  const result = traced(whole, 'int32', broadcastShape([a.shape, b.shape]));
  return select(emit, compare(emit, 'Equal', b, number(emit, 0, b.dtype)), number(emit, 0, 'int32'), result);
}

/** Of the sign of the divisor, as in tfjs and Python; C's remainder has the sign of the dividend. */
function modulo({emit, inputs}: KernelCall): Traced {
  const [a, b] = [inputs['a']!, inputs['b']!];
  const dtype = wider(a, b);
  const remainder = (x: Traced): Traced => emit.elementwise('Mod', [x, b], 'float32', 'float32', {fmod: 1});
  const first = remainder(a);
  const below = (x: Traced): Traced => compare(emit, 'Less', x, number(emit, 0));
  const sameSign = emit.elementwise('Equal', [below(a), below(b)], 'bool', 'bool');
  const result = select(emit, sameSign, first, remainder(binary(emit, 'Add', first, b)));
  return traced(emit.cast(result.value, dtype), dtype, result.shape);
}

const plain = (name: string, op: string): KernelMapping =>
  kernel(name, op, ({emit, inputs}) => binary(emit, op, inputs['a']!, inputs['b']!));

const comparison = (name: string, op: string): KernelMapping =>
  kernel(name, op, ({emit, inputs}) => compare(emit, op, inputs['a']!, inputs['b']!));

const logical = (name: string, op: string): KernelMapping =>
  kernel(name, op, ({emit, inputs}) => emit.elementwise(op, [inputs['a']!, inputs['b']!], 'bool', 'bool'));

const not = (emit: Emitter, x: Traced): Traced => emit.elementwise('Not', [x], 'bool', 'bool');

/** Kernels of two or more tensors, element by element, with broadcasting. */
export const binaryKernels: readonly KernelMapping[] = [
  plain('Add', 'Add'),
  plain('Sub', 'Sub'),
  kernel('Multiply', 'Mul', multiply),
  kernel('RealDiv', 'Div', ({emit, inputs}) =>
    isOne(inputs['b']!) ? unchanged(emit, inputs['a']!, inputs['b']!) : binary(emit, 'Div', inputs['a']!, inputs['b']!),
  ),
  plain('Maximum', 'Max'),
  plain('Minimum', 'Min'),
  plain('Pow', 'Pow'),
  kernel('FloorDiv', 'Div, Floor in float64', floorDivide),
  kernel('Mod', 'Mod', modulo),
  kernel('SquaredDifference', 'Sub, Mul', ({emit, inputs}) => {
    const difference = binary(emit, 'Sub', inputs['a']!, inputs['b']!);
    return binary(emit, 'Mul', difference, difference);
  }),
  kernel('AddN', 'Add', ({emit, inputs}) => Object.values(inputs).reduce((sum, x) => binary(emit, 'Add', sum, x))),
  comparison('Greater', 'Greater'),
  comparison('GreaterEqual', 'GreaterOrEqual'),
  comparison('Less', 'Less'),
  comparison('LessEqual', 'LessOrEqual'),
  comparison('Equal', 'Equal'),
  kernel('NotEqual', 'Equal, Not', ({emit, inputs}) => not(emit, compare(emit, 'Equal', inputs['a']!, inputs['b']!))),
  logical('LogicalAnd', 'And'),
  logical('LogicalOr', 'Or'),
  logical('LogicalXor', 'Xor'),
  kernel('LogicalNot', 'Not', ({emit, inputs}) => not(emit, inputs['x']!)),
  kernel('Select', 'Where', ({emit, inputs}) => select(emit, inputs['condition']!, inputs['t']!, inputs['e']!)),
  kernel('Prelu', 'Less, Mul, Where', ({emit, inputs}) => {
    const [x, alpha] = [inputs['x']!, inputs['alpha']!];
    return select(emit, compare(emit, 'Less', x, number(emit, 0)), binary(emit, 'Mul', alpha, x), x);
  }),
  kernel('EluGrad', 'GreaterOrEqual, Add, Mul, Where', ({emit, inputs}) => {
    const [dy, y] = [inputs['dy']!, inputs['y']!];
    const below = binary(emit, 'Mul', dy, binary(emit, 'Add', y, number(emit, 1)));
    return select(emit, compare(emit, 'GreaterOrEqual', y, number(emit, 0)), dy, below);
  }),
];
