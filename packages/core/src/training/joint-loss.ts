import type {Noise, Tensors} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import {type Forward, forward} from '../network/forward.ts';
import type {PathSpec} from '../network/path.ts';
import type {PathTensors} from '../network/stages.ts';
import {batchNames} from './joint-batch.ts';
import {negativeLogLikelihood} from './losses.ts';

/** All that joint training on a path is, apart from values: equal specs make equal programs. */
export interface JointSpec {
  readonly path: PathSpec;
  readonly rows: number;
  /** Local names of the parameters that gradients move. */
  readonly trainable: readonly string[];
  /** Local names of the buffers that the forward pass keeps up to date. */
  readonly renewed: readonly string[];
  /** Which logits the rows of each task may use, tasks x classes. */
  readonly allowed: readonly (readonly number[])[];
}

/** Inputs of a program that are parameters, by their local names. */
export function parametersAmong(inputs: Tensors): PathTensors {
  const own = Object.entries(inputs).filter(([name]) => name.startsWith(parameterName('')));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(parameterName('').length), tensor]));
}

/** Name of a parameter among the inputs and outputs of a program. */
export function parameterName(local: string): string {
  return `parameter/${local}`;
}

/**
 * The forward pass of a batch of several tasks, with the logits that a row may not use barred, and each row's loss.
 *
 * @param hardened whether soft routers are made hard.
 */
export function jointPass(
  spec: JointSpec,
  parameters: PathTensors,
  inputs: Tensors,
  noise: Noise | null,
  hardened = false,
): Forward & {readonly losses: tf.Tensor1D} {
  const tasks = spec.allowed.length > 1 ? inputs[batchNames.tasks]! : null;
  const moving = new Set([...spec.trainable, ...spec.renewed].map((local) => local.slice(0, local.lastIndexOf('/'))));
  const context = {noise, tasks, weights: inputs[batchNames.weights]!, moving, hardened};
  const pass = forward(spec.path, parameters, inputs[batchNames.x]!, context);
  const logits = barred(pass.logits, spec.allowed, tasks);
  return {...pass, logits, losses: negativeLogLikelihood(logits, inputs[batchNames.columns]!)};
}

/** A large negative number, which softmax turns into exactly 0, added where a row's task may not use a logit. */
function barred(logits: tf.Tensor2D, allowed: readonly (readonly number[])[], tasks: tf.Tensor | null): tf.Tensor2D {
  if (allowed.every((row) => row.every(Boolean))) return logits;
  const penalties = tf.tensor2d(allowed.map((row) => row.map((ok) => (ok ? 0 : -1e9))));
  return tf.add(logits, tasks === null ? penalties : tf.gather(penalties, tasks as tf.Tensor1D));
}
