import {type Optimizer, optimizers, updateSideBySide} from '@accrete/core';
import {type PureFunction, type Tensors, valueAndGradients} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';
import type {StepPart} from '../strategies/strategy.ts';
import {sharedNoise} from './shared-noise.ts';
import {sideBySideKey} from './side-by-side.ts';
import {names, type StepSpec} from './step-inputs.ts';
import {taskLoss} from './task-loss.ts';

/**
 * One training step:
 *
 *   forward -> loss + auxiliary losses + terms -> gradients -> optimiser -> updates
 *
 *   loss = sum_r w_r l_r / sum_r w_r   over the rows of the batch [nats]
 *
 * with l_r the cross-entropy of row r and w_r 1, where no strategy says otherwise. Parameters, optimiser slots, sums and what
 * strategies carry go in and come out under the same names; what they want read comes out; everything else is only read.
 */
export function buildStep(spec: StepSpec, parts: readonly StepPart[]): PureFunction {
  const optimizer = optimizers.parse(spec.optimizer);
  return (inputs, noise) => {
    const shared = sharedNoise(noise);
    const loss = taskLoss(spec, parts, inputs, shared.noise);
    const learned = parts.flatMap(({carry}, i) => (carry?.learned ?? []).map((name) => [i, name] as const));
    const start = [
      ...spec.trainable.map((local) => loss.start[local]!),
      ...learned.map(([i, name]) => loss.carried[i]![name]!),
    ];
    // Kept by hand: valueAndGradients frees all that its function makes, and these are wanted beside the gradients.
    const terms: (tf.Tensor | undefined)[] = [];
    const reads: Record<string, tf.Tensor> = {};
    let auxiliary: tf.Tensor | undefined;
    let renewed: Record<string, tf.Tensor> = {};
    const total = (...moving: tf.Tensor[]): tf.Scalar => {
      const carried = loss.carried.map((own) => ({...own}));
      learned.forEach(([i, name], k) => {
        carried[i]![name] = moving[spec.trainable.length + k]!;
      });
      const found = loss.at(byName(spec.trainable, moving), carried);
      auxiliary = found.auxiliary && tf.keep(found.auxiliary);
      renewed = Object.fromEntries(
        spec.renewed.map((local) => [names.parameter(local), tf.keep(tf.clone(found.next[local]!))]),
      );
      parts.forEach((part, i) => {
        const term = part.term?.(found.tensors[i]!);
        terms[i] = term && tf.keep(term);
        for (const [name, read] of Object.entries(part.reads?.(found.tensors[i]!) ?? {})) {
          reads[names.read(i, name)] = tf.keep(tf.clone(read));
        }
      });
      return [auxiliary, ...terms].reduce<tf.Scalar>((sum, term) => (term ? tf.add(sum, term) : sum), found.loss);
    };
    const {value, grads} = valueAndGradients(total, start);
    const outputs: Record<string, tf.Tensor> = {
      ...reads,
      ...renewed,
      [names.lossSum]: tf.add(inputs[names.lossSum]!, value),
    };
    const whole = byName(spec.trainable, grads);
    // Without terms the loss is all there is; with them its gradients take a second pass, whatever of it the engine's compiler
    // does not merge with the first.
    const lossGradients = once(() => (terms.some(Boolean) ? loss.gradients() : whole));
    if (spec.routed) outputs[names.auxiliarySum] = tf.add(inputs[names.auxiliarySum]!, auxiliary ?? 0);
    auxiliary?.dispose();
    terms.forEach((term, i) => {
      if (!term) return;
      outputs[names.termSum(i)] = tf.add(inputs[names.termSum(i)]!, term);
      term.dispose();
    });
    const directed = parts.reduce((given, part, i) => part.direct?.(given, loss.tensors[i]!) ?? given, whole);
    const after: Record<string, tf.Tensor> = {};
    for (const locals of together(spec.trainable, loss.start)) {
      const given = locals.map((local) => ({
        parameter: loss.start[local]!,
        gradient: directed[local]!,
        slots: slotsOf(optimizer, inputs, local),
      }));
      updateSideBySide(optimizer, given).forEach((stepped, k) => {
        const local = locals[k]!;
        after[local] = parts.reduce(
          (made, part, i) =>
            part.update?.(local, loss.start[local]!, made, {
              inputs: loss.tensors[i]!.inputs,
              carried: loss.carried[i]!,
            }) ?? made,
          stepped.parameter,
        );
        outputs[names.parameter(local)] = after[local];
        for (const [slot, tensor] of Object.entries(stepped.slots)) outputs[names.slot(local, slot)] = tensor;
      });
    }
    parts.forEach(({carry}, i) => {
      if (!carry) return;
      const own = learned.flatMap(([part, name], k) =>
        part === i ? [[name, grads[spec.trainable.length + k]!] as const] : [],
      );
      const next = carry.next({
        before: loss.start,
        after,
        get lossGradients() {
          return lossGradients();
        },
        carried: loss.carried[i]!,
        carriedGradients: Object.fromEntries(own),
        inputs: loss.tensors[i]!.inputs,
      });
      for (const [name, tensor] of Object.entries(next)) outputs[names.carried(i, name)] = tensor;
    });
    shared.dispose();
    return outputs;
  };
}

/** Parameters in groups that an optimiser moves as one. */
function together(
  locals: readonly string[],
  tensors: Readonly<Record<string, tf.Tensor>>,
): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const local of locals) {
    const key = sideBySideKey(local, tensors[local]!.shape) ?? local;
    groups.set(key, [...(groups.get(key) ?? []), local]);
  }
  return [...groups.values()];
}

function once<T>(make: () => T): () => T {
  let made: {readonly value: T} | undefined;
  return () => {
    made ??= {value: make()};
    return made.value;
  };
}

function byName(keys: readonly string[], tensors: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(keys.map((key, k) => [key, tensors[k]!]));
}

function slotsOf(optimizer: Optimizer, inputs: Tensors, local: string): Record<string, tf.Tensor> {
  return Object.fromEntries(optimizer.slots.map(({name}) => [name, inputs[names.slot(local, name)]!]));
}
