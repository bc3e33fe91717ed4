import {stopGradient} from '@accrete/engine';
import * as tf from '@tensorflow/tfjs-core';

/** A batch, by its features. */
export interface PrototypicalBatch {
  /** Of length 1, [batch, units]. */
  readonly features: tf.Tensor;
  /** Of length 1, constants, [classes, units]. */
  readonly prototypes: tf.Tensor;
  /** One-hot, [batch, classes]. */
  readonly labels: tf.Tensor;
  /** 1 for a row that is there, 0 for one that fills the batch up, [batch]. */
  readonly weights: tf.Tensor;
  /** 1 for a class that has a prototype, [classes]. */
  readonly known: tf.Tensor;
  readonly temperature: number;
}

/**
 * The pseudo-prototypical proxy loss of each row, [batch] [nats]: a row is drawn to the prototype of its class and to the other
 * rows of that class as stand-ins for it, and pushed away from those of other classes.
 *
 *   P(c | f; q)  = exp(f . q / T) / (exp(f . q / T) + sum_{k != c} exp(f . p[k] / T))
 *   attractor(i) = mean of P(y_i | f_i; q) over q in {p[y_i]} and the features of the other rows of class y_i
 *   repellor(j, i) = (P(y_i | f_j; p[y_i]) + P(y_i | f_j; f_i)) / 2     for rows i, j of different classes
 *   loss(j)      = -ln attractor(j) - sum_i ln(1 - repellor(j, i))
 *
 * What a row is compared with is a constant to gradients.
 *
 * Source: De Lange and Tuytelaars 2021, https://arxiv.org/abs/2009.00919, eq. 2 to 8. Deviations: none known.
 */
export function pseudoPrototypicalLosses(batch: PrototypicalBatch): tf.Tensor1D {
  const {features, prototypes, labels, weights, known, temperature} = batch;
  const closeness = (to: tf.Tensor): tf.Tensor => tf.exp(tf.div(tf.matMul(features, to, false, true), temperature));
  const toPrototypes = tf.mul(closeness(prototypes), known); // [batch, classes]
  const toRows = closeness(stopGradient(features)); // [batch, batch]
  // What other classes weigh against class c: [batch, classes].
  const others = tf.sub(tf.sum(toPrototypes, 1, true), toPrototypes);
  const byPrototype = tf.div(toPrototypes, tf.add(toPrototypes, others));
  const against = tf.matMul(others, labels, false, true); // [j, i]: for the class of i
  const byRow = tf.div(toRows, tf.add(toRows, against)); // P(y_i | f_j; f_i)
  const same = tf.matMul(labels, labels, false, true);
  const there = tf.mul(tf.expandDims(weights, 0), tf.ones([features.shape[0]!, 1])); // whether i is there

  const twins = tf.mul(tf.mul(same, there), tf.sub(1, tf.eye(features.shape[0]!)));
  const drawn = tf.add(tf.sum(tf.mul(byRow, twins), 1), tf.sum(tf.mul(byPrototype, labels), 1));
  const attractor = tf.div(drawn, tf.add(tf.sum(twins, 1), 1));

  const strangers = tf.mul(tf.sub(1, same), there);
  const repellor = tf.div(tf.add(tf.matMul(byPrototype, labels, false, true), byRow), 2);
  // Where nothing is repelled, ln 1 with a gradient of 0.
  const pushed = tf.sum(tf.log(tf.sub(1, tf.mul(repellor, strangers))), 1);
  return tf.neg(tf.add(tf.log(attractor), pushed)) as tf.Tensor1D;
}
