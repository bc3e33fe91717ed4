import {evaluation, type Forward, forward, type Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import {HarnessError, sha256} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {TaskData} from '../data/examples.ts';
import {reluLayers} from '../network/dense-layers.ts';
import {fired} from '../network/layer-states.ts';
import type {Partition, Plan} from '../plan/plan.ts';
import {mapExamples} from '../training/logits.ts';

/** Who chooses the experts: the plan's router, or the groups that really put out most. */
export type Chooser = 'router' | 'oracle';

/** Nothing is known of a pass beforehand but the values given. */
const nothing = {stages: 0, sites: [], bases: [], query: false} as const;

/** What a network says when only some experts of each hidden layer work. */
export interface Routed {
  /** [examples, classes of the path] */
  readonly logits: Float32Array;
  /** Per partition, the share of all that its units put out which the chosen experts have; mean over examples and positions. */
  readonly captured: readonly number[];
}

/**
 * Runs a network with the `active` best experts of every partition per example, or per position where a layer runs on every one; the
 * units of the others put out 0.
 *
 * @throws HarnessError E_COMBINATION where the plan's partitions are not those of the network's hidden layers, or ask for more
 *   experts than there are.
 */
export async function routedLogits(
  engine: Engine,
  network: Network,
  plan: Plan,
  data: TaskData,
  active: number,
  chooser: Chooser = 'router',
): Promise<Routed> {
  const {path, layers} = reluLayers(network, data.task, 'routing');
  const kernels = layers.map(({kernel}) => kernel);
  if (plan.partitions.map(({kernel}) => kernel).join() !== kernels.join())
    throw new HarnessError('E_COMBINATION', `the plan's partitions are not those of ${kernels.join(', ')}.`);
  const fewest = Math.min(...plan.partitions.map(({groups}) => groups));
  if (!Number.isInteger(active) || active < 1 || active > fewest)
    throw new HarnessError('E_COMBINATION', `there are ${fewest} experts, of which ${active} cannot be active.`);
  const outputs = await mapExamples(
    engine,
    network,
    path,
    data.examples,
    (parameters, images) => {
      const rows = images.shape[0];
      // What layers put out replaces what the network would have computed there, one layer after another.
      const values: Record<string, tf.Tensor> = {};
      const pass = (): Forward => forward(path.spec, parameters, images, evaluation, {settled: nothing, values});
      const shares = layers.map((layer, i) => {
        const partition = plan.partitions[i]!;
        const h = pass().hidden[layer.site!]!;
        const units = tf.reshape(fired(path, layer, parameters, h), [-1, layer.units]) as tf.Tensor2D; // [positions, units]
        const members = memberOf(partition); // [units, groups]
        const sums = tf.matMul<tf.Tensor2D>(units, members);
        const scores = chooser === 'oracle' ? sums : gate(partition, tf.reshape(h, [-1, layer.inputs]) as tf.Tensor2D);
        const chosen = largest(scores, active); // [positions, groups]
        const kept = tf.mul(units, tf.matMul(chosen, members, false, true));
        values[layer.site!] = tf.reshape(kept, [...h.shape.slice(0, -1), layer.units]);
        const share = tf.div(tf.add(tf.sum(tf.mul(sums, chosen), 1), 1e-12), tf.add(tf.sum(sums, 1), 1e-12));
        return tf.mean(tf.reshape(share, [rows, -1]), 1, true);
      });
      return {logits: pass().logits, shares: tf.concat(shares, 1) as tf.Tensor2D};
    },
    // The arrays of the plan are constants of the program.
    {
      routed: plan.partitions.map(({groupOf, router}) => [
        digest(groupOf.data),
        ...Object.values(router).map((a) => digest(a.data)),
      ]),
      active,
      chooser,
    },
  );
  const width = plan.partitions.length;
  const rows = outputs.shares.length / width;
  const captured = plan.partitions.map((_, p) => {
    let sum = 0;
    for (let n = 0; n < rows; n++) sum += outputs.shares[n * width + p]!;
    return sum / rows;
  });
  return {logits: outputs.logits, captured};
}

/** 1 where a unit is in a group, [units, groups]. */
function memberOf({groupOf, groups}: Partition): tf.Tensor2D {
  const members = new Float32Array(groupOf.data.length * groups);
  groupOf.data.forEach((group, unit) => {
    members[unit * groups + group] = 1;
  });
  return tf.tensor2d(members, [groupOf.data.length, groups]);
}

/** 1 at the `count` largest scores of each row; of equal ones the first. */
function largest(scores: tf.Tensor2D, count: number): tf.Tensor2D {
  const groups = scores.shape[1];
  if (count === groups) return tf.onesLike(scores);
  const {indices} = tf.topk(scores, count);
  return tf.cast(tf.sum(tf.oneHot(tf.cast<tf.Tensor>(indices, 'int32'), groups), 1), 'float32') as tf.Tensor2D;
}

/** Scores of the experts for what the layer reads, [batch, groups]. */
function gate({router}: Partition, h: tf.Tensor2D): tf.Tensor2D {
  const array = (name: string): tf.Tensor2D => {
    const {data, shape} = router[name]!;
    return tf.tensor2d(data, shape as [number, number]);
  };
  if (router['key']) return tf.matMul(h, array('key'));
  const length = tf.sqrt(tf.sum(tf.square(h), 1, true));
  const unit = tf.div<tf.Tensor2D>(h, tf.maximum(length, 1e-12));
  return tf.matMul(tf.tanh(tf.matMul(unit, array('first'))) as tf.Tensor2D, array('second'));
}

function digest(data: Float32Array | Int32Array): string {
  return sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
