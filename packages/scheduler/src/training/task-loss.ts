import {
  auxiliaryLoss,
  evaluation,
  forward,
  negativeLogLikelihood,
  type PathSpec,
  type Start,
  weightedMean,
} from '@accrete/core';
import {type Noise, type Tensors, valueAndGradients} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import type {LossTensors, Span, StepPart, StepTensors} from '../strategies/strategy.ts';
import {startFrom} from './kept-batch.ts';
import {without} from './row-weights.ts';
import {names, parametersOf, type StepSpec} from './step-inputs.ts';

type Named = Readonly<Record<string, tf.Tensor>>;

/** The task loss of a batch as a function of what moves. */
export interface TaskLoss {
  /** Trainable parameters before the step, by local name. */
  readonly start: Named;
  /** What each part carries, before the step. */
  readonly carried: readonly Named[];
  /** What each part is told where it looks at the loss before the step. */
  readonly tensors: readonly LossTensors[];
  /** The weighted mean over the batch, and what each part is told of it. */
  at(
    trainable: Named,
    carried: readonly Named[],
  ): {
    readonly loss: tf.Scalar;
    readonly tensors: readonly StepTensors[];
    /** Losses of routers and aggregators, added up; absent where there are none. */
    readonly auxiliary?: tf.Scalar;
    /** New values of buffers, by local name. */
    readonly next: Named;
  };
  /** Gradients of the loss at `start`. */
  gradients(): Named;
}

/** Reads a step's inputs as its task loss. Row weights and allowed logits are made here, outside of every gradient. */
export function taskLoss(spec: StepSpec, parts: readonly StepPart[], inputs: Tensors, noise: Noise): TaskLoss {
  const fixed = parametersOf(inputs, Object.keys(inputs));
  const start = Object.fromEntries(spec.trainable.map((local) => [local, fixed[local]!]));
  const apart = parts.flatMap((part) => part.apart ?? []);
  const all: Span = {from: 0, rows: withoutTail(spec.rows, apart)};
  const moving = new Set([...spec.trainable, ...spec.renewed].map((local) => local.slice(0, local.lastIndexOf('/'))));
  /** What goes in, and where the pass begins, for some rows. */
  const entering = (span: Span): [tf.Tensor | null, Start | undefined] => [
    inputs[names.images] ? part(inputs[names.images]!, span, spec.rows) : null,
    spec.kept ? startFrom(spec.kept, inputs, (tensor) => part(tensor, span, spec.rows)) : undefined,
  ];
  const [columns, weights] = [inputs[names.columns]!, inputs[names.weights]!];
  const under = (keys: readonly string[], name: (key: string) => string) =>
    Object.fromEntries(keys.map((key) => [key, inputs[name(key)]!]));
  const carried = parts.map(({carry}, i) => under(Object.keys(carry?.names ?? {}), (name) => names.carried(i, name)));
  const batch = parts.map((part, i) => ({
    columns,
    weights,
    inputs: under(Object.keys(part.inputs), (name) => names.part(i, name)),
    feeds: under(Object.keys(part.feeds ?? {}), (name) => names.fed(i, name)),
  }));

  const effective = (parameters: Named, held: readonly Named[]): Named => {
    const given = {...parameters};
    parts.forEach((step, i) => {
      Object.assign(given, step.effective?.(given, {inputs: batch[i]!.inputs, carried: held[i]!}));
    });
    return given;
  };
  const barred = parts.flatMap((part, i) => part.allowed?.(batch[i]!) ?? []).map(penalty);
  if (spec.ownSegmentOnly) barred.push(segmentMask(spec.path, inputs[names.segments]!));
  const run = (trainable: Named, held: readonly Named[], span: Span) => {
    const parameters = {...fixed, ...trainable};
    const [x, from] = entering(span);
    const counted = part(weights, span, spec.rows);
    const context = {noise, tasks: null, weights: counted, moving};
    const pass = forward(spec.path, effective(parameters, held), x, context, from);
    const {logits, features, hidden, next} = pass;
    const admitted = barred.reduce<tf.Tensor2D>((sum, bar) => tf.add(sum, part(bar, span, spec.rows)), logits);
    const crossEntropy = negativeLogLikelihood(admitted, part(columns, span, spec.rows));
    const auxiliary = auxiliaryLoss(pass, crossEntropy, counted);
    return {parameters, logits, features, hidden, crossEntropy, auxiliary, next};
  };

  const tensors = batch.map(
    (own): LossTensors => ({
      ...own,
      parameters: fixed,
      lossesOf: (trainable, span) => run(trainable, carried, span).crossEntropy,
      gradientsOf: (span) => {
        const counted = part(weights, span, spec.rows);
        const loss = (...moving: tf.Tensor[]) =>
          weightedMean(run(byPlace(spec.trainable, moving), carried, span).crossEntropy, counted);
        return byPlace(spec.trainable, valueAndGradients(loss, Object.values(start)).grads);
      },
    }),
  );
  const beside = apart.reduce<tf.Tensor>(without, weights);
  const counted = part(
    parts.reduce((given, step, i) => step.weigh?.(given, tensors[i]!) ?? given, beside),
    all,
    spec.rows,
  );

  const at: TaskLoss['at'] = (trainable, held) => {
    const {parameters, logits, features, hidden, crossEntropy, auxiliary, next} = run(trainable, held, all);
    const told = batch.map((own, i) => ({
      ...own,
      columns: part(columns, all, spec.rows),
      weights: part(weights, all, spec.rows),
      parameters,
      carried: held[i]!,
      logits,
      features,
      hidden,
      logitsOf: (other: Named, segments: readonly number[]) =>
        alongSegments(spec.path, effective(other, held), segments, ...entering(all)),
      gradientsOf: tensors[i]!.gradientsOf,
      featuresOf: (other: Named) => {
        const [x, from] = entering(all);
        return forward(spec.path, effective(other, held), x, evaluation, from).features;
      },
    }));
    const losses = parts.reduce<tf.Tensor>(
      (given, step, i) => step.losses?.({...told[i]!, losses: given}) ?? given,
      crossEntropy,
    );
    const loss = weightedMean(losses, counted);
    return {loss, tensors: told.map((own) => ({...own, losses})), next, ...(auxiliary ? {auxiliary} : {})};
  };
  const gradients = () => {
    const loss = (...moving: tf.Tensor[]) => at(byPlace(spec.trainable, moving), carried).loss;
    return byPlace(spec.trainable, valueAndGradients(loss, Object.values(start)).grads);
  };
  return {start, carried, tensors, at, gradients};
}

function byPlace(locals: readonly string[], moving: readonly tf.Tensor[]): Named {
  return Object.fromEntries(locals.map((local, k) => [local, moving[k]!]));
}

/** How many rows are left of a batch when spans at its end are taken away. */
function withoutTail(rows: number, spans: readonly Span[]): number {
  const last = spans.find((span) => span.rows > 0 && span.from + span.rows === rows);
  return last === undefined ? rows : withoutTail(last.from, spans);
}

/** Some rows of a tensor; the tensor itself where they are all. */
function part<T extends tf.Tensor>(tensor: T, {from, rows}: Span, all: number): T {
  if (rows === all) return tensor;
  const rest = tensor.shape.slice(1);
  return tf.slice(tensor, [from, ...rest.map(() => 0)], [rows, ...rest]);
}

/** 0 for a logit that is allowed, a large negative number, which softmax turns into exactly 0, for one that is not. */
function penalty(allowed: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sub(1, allowed), -1e9);
}

/** Bars each row from the logits of other segments, [rows, classes]. */
function segmentMask(path: PathSpec, segments: tf.Tensor): tf.Tensor {
  const owner = path.segments.flatMap((segment, k) => Array.from({length: segment.units}, () => k));
  const own = tf.equal(tf.expandDims(segments, 1), tf.tensor2d([owner], [1, owner.length], 'int32'));
  return penalty(tf.cast(own, 'float32'));
}

/** Logits of some segments of a path alone, in the order given. */
function alongSegments(
  path: PathSpec,
  parameters: StepTensors['parameters'],
  segments: readonly number[],
  x: tf.Tensor | null,
  from: Start | undefined,
): tf.Tensor2D {
  const chosen = segments.map((k) => path.segments[k]!);
  const renamed = Object.entries(parameters).flatMap(([local, tensor]) => {
    const [, index, name] = /^head\/segment:(\d+)\/(.+)$/.exec(local) ?? [];
    if (index === undefined) return [[local, tensor] as const];
    const place = segments.indexOf(Number(index));
    return place < 0 ? [] : [[`head/segment:${place}/${name}`, tensor] as const];
  });
  return forward({...path, segments: chosen}, Object.fromEntries(renamed), x, evaluation, from).logits;
}
