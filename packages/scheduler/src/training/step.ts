import {forward, type Optimizer, optimizers, type PathSpec} from '@accrete/core';
import type {PureFunction, Tensors} from '@accrete/engine';
import type {ArraySpec, ParsedConfig} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {StepPart, StepTensors} from '../strategies/strategy.ts';

/** All that a training step is, apart from values: equal specs make equal programs. */
export interface StepSpec {
  readonly path: PathSpec;
  /** Rows of a batch, rehearsed ones included; rows that are not there have weight 0. */
  readonly rows: number;
  /** Local names of the parameters that move. */
  readonly trainable: readonly string[];
  readonly optimizer: ParsedConfig;
  /** True where each row may use only the logits of its own segment. */
  readonly ownSegmentOnly: boolean;
}

/** Names of a step's inputs and outputs. */
export const names = {
  parameter: (local: string): string => `parameter/${local}`,
  slot: (local: string, slot: string): string => `slot/${local}#${slot}`,
  part: (index: number, name: string): string => `strategy/${index}/${name}`,
  carried: (index: number, name: string): string => `carried/${index}/${name}`,
  /** Sums since they were last read: of the loss, and of each strategy's term. */
  lossSum: 'sum/loss',
  termSum: (index: number): string => `sum/term:${index}`,
  images: 'batch/images', // uint8 [rows, features]
  columns: 'batch/columns', // int32 [rows], the logit of each row's target
  weights: 'batch/weights', // float32 [rows]
  segments: 'batch/segments', // int32 [rows], each row's own segment
} as const;

/** Specs of a batch's inputs. */
export function batchInputs(rows: number, features: number): Record<string, ArraySpec> {
  return {
    [names.images]: {shape: [rows, features], dtype: 'uint8'},
    [names.columns]: {shape: [rows], dtype: 'int32'},
    [names.weights]: {shape: [rows], dtype: 'float32'},
    [names.segments]: {shape: [rows], dtype: 'int32'},
  };
}

/** Which logits a row may use: 0, or a large negative number that softmax turns into exactly 0. [rows, classes] */
export function segmentMask(path: PathSpec, segments: tf.Tensor): tf.Tensor2D {
  const owner = path.segments.flatMap((segment, k) => Array.from({length: segment.units}, () => k));
  const own = tf.equal(tf.expandDims(segments, 1), tf.tensor2d([owner], [1, owner.length], 'int32'));
  return tf.mul<tf.Tensor2D>(tf.sub(1, tf.cast(own, 'float32')), -1e9);
}

/** -log softmax(logits)[column] of each row [nats], [rows]. */
export function negativeLogLikelihood(logits: tf.Tensor2D, columns: tf.Tensor): tf.Tensor1D {
  const target = tf.oneHot(tf.cast(columns, 'int32') as tf.Tensor1D, logits.shape[1]);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.cast(target, 'float32')), 1));
}

/**
 * One training step:
 *
 *   forward -> loss + terms -> gradients -> optimiser -> updates
 *
 *   loss = sum_r w_r nll_r / sum_r w_r   over the rows of the batch [nats]
 *
 * Parameters, optimiser slots, sums and what strategies carry go in and come out under the same names; everything else is only
 * read. Where a strategy carries something and there are terms, gradients of the loss alone take a second pass, whatever of
 * it the engine's compiler does not merge with the first.
 */
export function buildStep(spec: StepSpec, parts: readonly StepPart[]): PureFunction {
  const optimizer = optimizers.parse(spec.optimizer);
  return (inputs) => {
    const fixed = parametersOf(inputs, Object.keys(inputs));
    const partInputs = parts.map((part, i) =>
      Object.fromEntries(Object.keys(part.inputs).map((name) => [name, inputs[names.part(i, name)]!])),
    );
    const logitsOf: StepTensors['logitsOf'] = (parameters, segments) =>
      alongSegments(spec.path, parameters, segments, inputs[names.images] as tf.Tensor2D);
    // Kept by hand: tf.valueAndGrads frees all that its function makes, and the terms are wanted for the log.
    const terms: (tf.Tensor | undefined)[] = [];
    const at = (moving: readonly tf.Tensor[]) => {
      const parameters = {...fixed, ...Object.fromEntries(spec.trainable.map((local, i) => [local, moving[i]!]))};
      const logits = forward(spec.path, parameters, inputs[names.images] as tf.Tensor2D).logits;
      const allowed = spec.ownSegmentOnly
        ? tf.add<tf.Tensor2D>(logits, segmentMask(spec.path, inputs[names.segments]!))
        : logits;
      const weights = inputs[names.weights]!;
      const nll = negativeLogLikelihood(allowed, inputs[names.columns]!);
      const loss = tf.div<tf.Scalar>(tf.sum(tf.mul(nll, weights)), tf.sum(weights));
      return {parameters, logits, loss};
    };
    const total = (...moving: tf.Tensor[]): tf.Scalar => {
      const {parameters, logits, loss} = at(moving);
      parts.forEach((part, i) => {
        const weights = inputs[names.weights]!;
        const term = part.term?.({parameters, logits, weights, logitsOf, inputs: partInputs[i]!});
        terms[i] = term && tf.keep(term);
      });
      return terms.reduce<tf.Scalar>((sum, term) => (term ? tf.add<tf.Scalar>(sum, term) : sum), loss);
    };
    const start = spec.trainable.map((local) => fixed[local]!);
    const {value, grads} = tf.valueAndGrads(total)(start);
    const outputs: Record<string, tf.Tensor> = {[names.lossSum]: tf.add(inputs[names.lossSum]!, value)};
    const carries = parts.some(({carry}) => carry);
    const lossGrads =
      carries && terms.some(Boolean)
        ? tf.valueAndGrads((...moving: tf.Tensor[]) => at(moving).loss)(start).grads
        : grads;
    terms.forEach((term, i) => {
      if (!term) return;
      outputs[names.termSum(i)] = tf.add(inputs[names.termSum(i)]!, term);
      term.dispose();
    });
    spec.trainable.forEach((local, p) => {
      const before = fixed[local]!;
      const stepped = optimizer.update(before, grads[p]!, slotsOf(optimizer, inputs, local));
      outputs[names.parameter(local)] = parts.reduce(
        (after, part, i) => part.update?.(local, before, after, partInputs[i]!) ?? after,
        stepped.parameter,
      );
      for (const [slot, tensor] of Object.entries(stepped.slots)) outputs[names.slot(local, slot)] = tensor;
    });
    const byLocal = (tensors: readonly tf.Tensor[]) =>
      Object.fromEntries(spec.trainable.map((local, p) => [local, tensors[p]!]));
    parts.forEach(({carry}, i) => {
      if (!carry) return;
      const next = carry.next({
        before: byLocal(start),
        after: byLocal(spec.trainable.map((local) => outputs[names.parameter(local)]!)),
        lossGradients: byLocal(lossGrads),
        carried: Object.fromEntries(Object.keys(carry.names).map((name) => [name, inputs[names.carried(i, name)]!])),
      });
      for (const [name, tensor] of Object.entries(next)) outputs[names.carried(i, name)] = tensor;
    });
    return outputs;
  };
}

/** Logits of some segments of a path alone, in the order given. */
function alongSegments(
  path: PathSpec,
  parameters: StepTensors['parameters'],
  segments: readonly number[],
  images: tf.Tensor2D,
): tf.Tensor2D {
  const chosen = segments.map((k) => path.segments[k]!);
  const renamed = Object.entries(parameters).flatMap(([local, tensor]) => {
    const [, index, name] = /^head\/segment:(\d+)\/(.+)$/.exec(local) ?? [];
    if (index === undefined) return [[local, tensor] as const];
    const place = segments.indexOf(Number(index));
    return place < 0 ? [] : [[`head/segment:${place}/${name}`, tensor] as const];
  });
  return forward({...path, segments: chosen}, Object.fromEntries(renamed), images).logits;
}

/** Inputs that are parameters, by local name. */
export function parametersOf(inputs: Tensors, among: readonly string[]): Record<string, tf.Tensor> {
  const prefix = names.parameter('');
  return Object.fromEntries(
    among.filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), inputs[name]!]),
  );
}

function slotsOf(optimizer: Optimizer, inputs: Tensors, local: string): Record<string, tf.Tensor> {
  return Object.fromEntries(optimizer.slots.map(({name}) => [name, inputs[names.slot(local, name)]!]));
}
