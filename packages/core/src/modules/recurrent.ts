import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {initializers} from '../parameters/initializers.ts';
import {inPlaceOf} from './in-place-of.ts';
import {linear} from './linear.ts';
import type {Computation, SiteShape} from './module.ts';

/**
 * The cell of a gated recurrent unit: one step from a state s and an input x to the next state,
 *
 *   r = sigmoid(x W_r + b_r + s U_r + c_r)      z = sigmoid(x W_z + b_z + s U_z + c_z)
 *   n = tanh(x W_n + b_n + r * (s U_n + c_n))   y = (1 - z) * n + z * s
 *
 * The hidden state is packed: x and s lie side by side along the last axis, [batch, inputs] with inputs = features of x + units.
 * Kernels hold r, z and n side by side: `inputKernel` [features, 3 * units], `stateKernel` [units, 3 * units].
 *
 * Source: Cho et al. 2014; numbers and initialisation as in PyTorch nn.GRU,
 * https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html. Deviations: none.
 */
export const recurrent = define({
  kind: 'recurrent',
  summary: 'The cell of a gated recurrent unit: input and state side by side to the next state.',
  source: {
    cite: 'Cho et al. 2014; numbers and initialisation as in PyTorch nn.GRU',
    url: 'https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html',
  },
  options: {
    initializer: initializers.schema
      .prefault({kind: 'torch-linear'})
      .describe('how the weights start, the units being the fan-in of all'),
  },
  create: ({initializer}): Computation => {
    const start = initializers.parse(initializer);
    const placed = inPlaceOf('recurrent', ['recurrent']);
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: false,
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? narrow(site),
      parameters: ({inputs, units}) => {
        const fans = {fanIn: units, fanOut: 3 * units, initializer: start};
        return {
          inputKernel: {shape: [inputs - units, 3 * units], ...fans},
          inputBias: {shape: [3 * units], ...fans},
          stateKernel: {shape: [units, 3 * units], ...fans},
          stateBias: {shape: [3 * units], ...fans},
        };
      },
      run: ({h, parameters: {inputKernel, inputBias, stateKernel, stateBias}}) => {
        const units = stateKernel!.shape[0]!;
        const [x, s] = tf.split(h, [h.shape.at(-1)! - units, units], -1) as [tf.Tensor, tf.Tensor];
        const [xr, xz, xn] = tf.split(linear(x, inputKernel!, inputBias), 3, -1) as Three;
        const [sr, sz, sn] = tf.split(linear(s, stateKernel!, stateBias), 3, -1) as Three;
        const reset = tf.sigmoid(tf.add(xr, sr));
        const update = tf.sigmoid(tf.add(xz, sz));
        const proposed = tf.tanh(tf.add(xn, tf.mul(reset, sn)));
        return tf.add(proposed, tf.mul(update, tf.sub(s, proposed)));
      },
    };
  },
});

type Three = [tf.Tensor, tf.Tensor, tf.Tensor];

function narrow({inputs, units}: SiteShape): string | null {
  return inputs > units
    ? null
    : `recurrent takes an input and a state of ${units} units side by side, and ${inputs} features come in`;
}
