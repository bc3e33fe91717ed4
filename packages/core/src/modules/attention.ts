import {define} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {inPlaceOf} from './in-place-of.ts';
import type {Computation, SiteShape} from './module.ts';

/**
 * Multi-head scaled dot-product attention, without projections of its own:
 *
 *   y_i = softmax_j(q_i . k_j / sqrt(units / heads)) v_j   in each head, side by side
 *
 * The hidden state is packed: queries, keys and values lie side by side along the last axis, [batch, length, 3 * units], and
 * [batch, length, units] comes out. Position j of all three is one position of the sequence.
 *
 * `extra.mask` [batch, n], 1 where a position may be looked at and 0 where it is padding, speaks of the last n positions.
 * Whatever stands in front of these (prompts, prefixes, a class token) is always visible.
 *
 * @param options.heads must divide the units.
 *
 * Source: Vaswani et al. 2017, eq. 1, https://arxiv.org/abs/1706.03762. Deviations: the projections are sites of their own; no
 * dropout.
 */
export const attention = define({
  kind: 'attention',
  summary: 'Multi-head attention over packed queries, keys and values.',
  source: {
    cite: 'Vaswani et al. 2017, eq. 1',
    url: 'https://arxiv.org/abs/1706.03762',
    deviations: ['the projections are sites of their own', 'no dropout'],
  },
  options: {heads: z.int().min(1).default(4).describe('attention heads; must divide the units')},
  create: ({heads}): Computation => {
    const placed = inPlaceOf('attention', ['attention']);
    return {
      composition: 'function',
      form: 'layer',
      identityAtStart: false,
      width: (site) => site.units,
      refusal: (site) => placed(site) ?? badWidths(site, heads),
      parameters: () => ({}),
      run: ({h, extra: {mask}}) => {
        const [batch, length, packed] = h.shape as [number, number, number];
        const size = packed / (3 * heads);
        const byHead = (part: tf.Tensor): tf.Tensor =>
          tf.transpose(tf.reshape(part, [batch, length, heads, size]), [0, 2, 1, 3]); // [batch, heads, length, size]
        // Taken apart as it was put together, so that a compiled program does neither.
        const [q, k, v] = tf.split(h, 3, -1).map(byHead) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size)); // [batch, heads, length, length]
        const seen = mask === undefined ? scores : tf.add(scores, hidden(mask, length));
        const mixed = tf.matMul(tf.softmax(seen), v); // [batch, heads, length, size]
        return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, length, heads * size]);
      },
    };
  },
});

/** A large negative number for keys that are padding, which softmax turns into exactly 0: [batch, 1, 1, length]. */
function hidden(mask: tf.Tensor, length: number): tf.Tensor {
  const padding = tf.mul(tf.sub(1, mask), -1e9);
  const [batch, told] = mask.shape as [number, number];
  return tf.reshape(
    tf.pad(padding as tf.Tensor2D, [
      [0, 0],
      [length - told, 0],
    ]),
    [batch, 1, 1, length],
  );
}

function badWidths({inputs, units}: SiteShape, heads: number): string | null {
  if (inputs !== 3 * units) {
    return `attention takes queries, keys and values side by side, 3 * ${units} features, and ${inputs} come in`;
  }
  return units % heads === 0 ? null : `attention with ${heads} heads needs a multiple of that many units, got ${units}`;
}
