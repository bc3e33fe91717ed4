import * as tf from '@tensorflow/tfjs-core';
import {aggregators} from '../aggregation/registry.ts';
import {computations} from '../modules/registry.ts';
import {routers} from '../routing/registry.ts';
import type {PathModule, PathSpec} from './path.ts';
import type {Activation, InputSpec} from './topology.ts';

/** Parameters of a path as tensors, by local name. */
export type PathTensors = Readonly<Record<string, tf.Tensor>>;

/** What a forward pass gives. The caller owns both. */
export interface Forward {
  /** [batch, classes of all segments] */
  readonly logits: tf.Tensor2D;
  /** What reaches the head, [batch, units]. */
  readonly features: tf.Tensor2D;
}

/**
 * The modular function, site after site: y = activation(g(alpha, f(.; theta), {f(.; phi_j)})), then the head.
 * Pure, plain tfjs; traced as it is.
 *
 * @param parameters one tensor per name in the path's `bind`.
 * @param bytes images as int32 0..255, [batch, features].
 */
export function forward(spec: PathSpec, parameters: PathTensors, bytes: tf.Tensor2D): Forward {
  let h = normalised(spec.input, bytes);
  spec.sites.forEach((site, i) => {
    const modules = site.modules.map((module, j) => call(module, `site${i}/module:${j}`, parameters));
    const y = aggregators.parse(site.aggregation).run({
      h,
      base: call(site.base, `site${i}/base`, parameters),
      baseInputs: site.base.inputs,
      modules,
      scores: routers.parse(site.routing).scores(h, modules.length),
    });
    h = activate(site.activation, y);
  });
  const outputs = spec.segments.map((segment, k) => call(segment, `head/segment:${k}`, parameters)(h));
  const logits = outputs.length === 1 ? outputs[0]! : (tf.concat(outputs, 1) as tf.Tensor2D);
  return {logits, features: h};
}

/**
 * A module as a function of the hidden state. Of one that has become wider since the module came, it reads the features that
 * were there then: those come first, as concatenation appends.
 */
function call(module: PathModule, local: string, parameters: PathTensors): (h: tf.Tensor2D) => tf.Tensor2D {
  const computation = computations.parse(module.computation);
  const own = Object.fromEntries(
    Object.keys(computation.parameters(module)).map((name) => [name, parameters[`${local}/${name}`]!]),
  );
  const {inputs} = module;
  return (h) => computation.output(h.shape[1] === inputs ? h : tf.slice(h, [0, 0], [-1, inputs]), own);
}

function normalised({features, scale, shift}: InputSpec, bytes: tf.Tensor2D): tf.Tensor2D {
  const x = tf.cast(bytes, 'float32');
  const channels = scale.length;
  if (channels === 1) {
    const scaled = tf.mul(x, scale[0]!) as tf.Tensor2D;
    return shift[0] === 0 ? scaled : tf.add(scaled, shift[0]!);
  }
  const byChannel = tf.reshape(x, [-1, features / channels, channels]); // [batch, pixels, channels]
  return tf.reshape(tf.add(tf.mul(byChannel, [...scale]), [...shift]), [-1, features]);
}

function activate(activation: Activation, y: tf.Tensor2D): tf.Tensor2D {
  switch (activation) {
    case 'relu':
      return tf.relu(y);
    case 'tanh':
      return tf.tanh(y);
    case 'sigmoid':
      return tf.sigmoid(y);
    case 'gelu': // exact: y Phi(y)
      return tf.mul(y, tf.mul(0.5, tf.add(1, tf.erf(tf.mul(y, Math.SQRT1_2)))));
    case 'linear':
      return y;
  }
}
