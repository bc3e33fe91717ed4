import {HarnessError} from '@accrete/kit';
import {engine} from '@tensorflow/tfjs-core';

/** Why a function cannot be traced; in `details.reason` of the error. */
export type RefusalReason =
  | 'unmapped'
  | 'read'
  | 'random'
  | 'variable'
  | 'noise'
  | 'output'
  | 'kept'
  | 'type'
  | 'outside'
  | 'captured'
  | 'nested';

/** An E_TRACE error. @param what the sentence that says what came and what to do. */
export function refusal(
  reason: RefusalReason,
  what: string,
  details: Readonly<Record<string, unknown>> = {},
): HarnessError {
  return new HarnessError('E_TRACE', what, {reason, ...details});
}

/** The refusal of a kernel that has no mapping. */
export function unmapped(kernel: string): HarnessError {
  return refusal(
    'unmapped',
    `tfjs kernel "${kernel}" has no ONNX mapping${within()}. Write it with mapped operations, or run on an eager engine: createEngine({kind: 'wasm'}) or 'cpu' or 'tensorflow'.`,
    {kernel},
  );
}

/** The refusal of a dtype that graphs do not have. */
export function unknownType(dtype: string): HarnessError {
  return refusal('type', `a traced function computes with float32, int32 and bool, got ${dtype}. Cast it outside.`);
}

/** The refusal of reading a value of the graph. */
export function valueRead(): HarnessError {
  return refusal(
    'read',
    `a traced function may not read values (dataSync, arraySync, data, print)${within()}: it runs once to record its operations, before there are values. Compute with tensors (tf.where instead of if), or return the tensor as an output and read that.`,
  );
}

/** The refusal of random numbers that tracing would freeze. */
export function randomNumbers(op: string): HarnessError {
  return refusal(
    'random',
    `tf.${op} in a traced function would be recorded once and give the same numbers on every run. Declare noise instead: noise.uniform(name, shape) or noise.normal(name, shape), the second argument of the function.`,
    {op},
  );
}

/** The refusal of running a program whose captured constants are no longer what they were. */
export function capturedChanged(program: string): HarnessError {
  return refusal(
    'captured',
    `program "${program}" uses a tensor from outside whose values changed since it was compiled. Pass it as an input, or compile again.`,
  );
}

/** The tfjs operations being executed, outermost first, as `tf.a > tf.b`. */
export function activeOps(): readonly string[] {
  return engine()
    .state.scopeStack.map(({name}) => name)
    .filter((name) => name.endsWith('__op'))
    .map((name) => name.slice(0, -'__op'.length));
}

function within(): string {
  const ops = activeOps();
  return ops.length === 0 ? '' : ` (in tf.${ops.join(' > tf.')})`;
}
