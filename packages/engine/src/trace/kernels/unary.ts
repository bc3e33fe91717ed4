import type {ClipByValueAttrs, LeakyReluAttrs, StepAttrs} from '@tensorflow/tfjs-core';
import type {Emitter, Traced} from '../emitter.ts';
import {traced} from '../emitter.ts';
import {type KernelCall, type KernelMapping, kernel, number} from './kernel.ts';

/** tfjs keeps the dtype of the operand: what float functions yield for int32 is cut off to int32. */
const inFloat =
  (...ops: readonly string[]) =>
  ({emit, inputs}: KernelCall): Traced => {
    const x = inputs['x']!;
    const result = ops.reduce<Traced>((y, op) => emit.elementwise(op, [y], 'float32', 'float32'), x);
    return traced(emit.thin(result, x.dtype), x.dtype, x.shape);
  };

/** Whole numbers are computed as such; there is no arithmetic on bool, so it goes through int32. */
const inKind =
  (op: string) =>
  ({emit, inputs}: KernelCall): Traced => {
    const x = inputs['x']!;
    return emit.elementwise(op, [x], x.dtype === 'bool' ? 'int32' : x.dtype, x.dtype);
  };

/** In float64, for the digits near zero that float32 would lose. */
const inDouble =
  (steps: (emit: Emitter, x: Traced) => Traced) =>
  ({emit, inputs}: KernelCall): Traced =>
    steps(emit, inputs['x']!);

function expm1(emit: Emitter, x: Traced): Traced {
  const wide = emit.thin(x, 'float64');
  const exp = emit.node('Exp', [wide], 'float64', wide.shape);
  const one = emit.cast(emit.scalar(1, 'float32'), 'float64');
  return traced(emit.cast(emit.node('Sub', [exp, one], 'float64', wide.shape), x.dtype), x.dtype, x.shape);
}

function log1p(emit: Emitter, x: Traced): Traced {
  const wide = emit.thin(x, 'float64');
  const one = emit.cast(emit.scalar(1, 'float32'), 'float64');
  const sum = emit.node('Add', [wide, one], 'float64', wide.shape);
  return traced(emit.cast(emit.node('Log', [sum], 'float64', wide.shape), x.dtype), x.dtype, x.shape);
}

/** 1 above 0, `alpha` elsewhere, NaN for NaN. */
function step({emit, inputs, attrs}: KernelCall): Traced {
  const x = inputs['x']!;
  const {alpha} = attrs as StepAttrs;
  // From Relu rather than by comparison: NaN stays NaN, and after a tf.relu the Relu is there already and stays fused.
  const positive = emit.elementwise('Relu', [x], 'float32', 'float32');
  // Min passes NaN on, and Ceil lifts the smallest number to 1; ONNX Runtime's Sign is the slower one.
  const step = emit.elementwise(
    'Ceil',
    [emit.elementwise('Min', [positive, number(emit, 1)], 'float32', 'float32')],
    'float32',
    'float32',
  );
  if (!alpha) return traced(emit.thin(step, x.dtype), x.dtype, x.shape);
  const below = emit.elementwise('Equal', [step, number(emit, 0)], 'float32', 'bool', {}, 'bool');
  const {values, restore} = emit.align([emit.thin(below), emit.scalar(alpha, 'float32'), emit.thin(step)]);
  const value = restore(emit.node('Where', values, 'float32', values[2]!.shape));
  return traced(emit.cast(value, x.dtype), x.dtype, x.shape);
}

/** -1, 0 or 1, and 0 for NaN. */
function sign({emit, inputs}: KernelCall): Traced {
  const x = inputs['x']!;
  const type = x.dtype === 'float32' ? 'float32' : 'int32';
  const side = (op: string): Traced => emit.elementwise(op, [x, number(emit, 0, type)], type, type, {}, 'bool');
  return traced(
    emit.thin(emit.elementwise('Sub', [side('Greater'), side('Less')], type, type), x.dtype),
    x.dtype,
    x.shape,
  );
}

function clip(emit: Emitter, x: Traced, min: number, max: number): Traced {
  const type = x.dtype === 'float32' ? 'float32' : 'int32';
  const {values, restore} = emit.align([emit.thin(x, type)]);
  const limits = [emit.scalar(min, type), emit.scalar(max, type)];
  const value = restore(emit.node('Clip', [values[0]!, ...limits], type, values[0]!.shape));
  return traced(emit.cast(value, x.dtype), x.dtype, x.shape);
}

/** NaN and infinities exist among floats only. */
const test =
  (op: string) =>
  ({emit, inputs}: KernelCall): Traced =>
    emit.elementwise(op, [inputs['x']!], 'float32', 'bool', {}, 'bool');

function finite({emit, inputs}: KernelCall): Traced {
  const size = emit.elementwise('Abs', [inputs['x']!], 'float32', 'float32');
  return emit.elementwise('Less', [size, number(emit, Number.POSITIVE_INFINITY)], 'float32', 'bool', {}, 'bool');
}

/** Kernels of one tensor, element by element. */
export const unaryKernels: readonly KernelMapping[] = [
  // The one float function of which tfjs makes float32 whatever it is given.
  kernel('Exp', 'Exp', ({emit, inputs}) => emit.elementwise('Exp', [inputs['x']!], 'float32', 'float32')),
  ...['Log', 'Sqrt', 'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh'].map(
    (name) => kernel(name, name, inFloat(name)),
  ),
  ...['Tanh', 'Sigmoid', 'Softplus', 'Elu', 'Selu', 'Erf', 'Reciprocal'].map((name) =>
    kernel(name, name, inFloat(name)),
  ),
  ...['Neg', 'Abs', 'Relu'].map((name) => kernel(name, name, inKind(name))),
  ...['Floor', 'Ceil', 'Round'].map((name) => kernel(name, name, inFloat(name))),
  kernel('Rsqrt', 'Sqrt, Reciprocal', inFloat('Sqrt', 'Reciprocal')),
  kernel('Square', 'Mul', ({emit, inputs}) => {
    const x = inputs['x']!;
    return emit.elementwise('Mul', [x, x], x.dtype === 'bool' ? 'int32' : x.dtype, x.dtype);
  }),
  kernel('Expm1', 'Exp, Sub in float64', inDouble(expm1)),
  kernel('Log1p', 'Add, Log in float64', inDouble(log1p)),
  kernel('Sign', 'Greater, Less, Sub', sign),
  kernel('Step', 'Relu, Min, Ceil, Where', step),
  kernel('ClipByValue', 'Clip', ({emit, inputs, attrs}) => {
    const {clipValueMin, clipValueMax} = attrs as ClipByValueAttrs;
    return clip(emit, inputs['x']!, clipValueMin, clipValueMax);
  }),
  kernel('Relu6', 'Clip', ({emit, inputs}) => clip(emit, inputs['x']!, 0, 6)),
  kernel('LeakyRelu', 'LeakyRelu', ({emit, inputs, attrs}) =>
    emit.elementwise('LeakyRelu', [inputs['x']!], 'float32', 'float32', {
      alpha: {float: (attrs as LeakyReluAttrs).alpha},
    }),
  ),
  kernel('IsNan', 'IsNaN', test('IsNaN')),
  kernel('IsInf', 'IsInf', test('IsInf')),
  kernel('IsFinite', 'Abs, Less', finite),
];
